// Pins Pulumi's Go host, which tests build; later versions of it stand in modules that no proxy has.

//go:build tools

package tools

import _ "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go"
