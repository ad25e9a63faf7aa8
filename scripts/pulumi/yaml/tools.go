// Pins Pulumi's YAML host, which tests build.

//go:build tools

package tools

import _ "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml"
