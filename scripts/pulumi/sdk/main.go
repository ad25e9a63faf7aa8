// sdk writes the SDKs of a Pulumi package, with Pulumi's own generators and no language host:
//
//	sdk examples SCHEMA FOLDER   prints JSON: each FOLDER/TOKEN.pp as a program in each language
//	sdk packages SCHEMA FOLDER   writes FOLDER/LANGUAGE/...
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"

	java "github.com/pulumi/pulumi-java/pkg/codegen/java"
	"github.com/pulumi/pulumi/pkg/v3/codegen/dotnet"
	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// What the generated files name as their maker.
const tool = "npm run generate"

type files = map[string][]byte

var packages = map[string]func(*schema.Package) (files, error){
	"nodejs": func(pkg *schema.Package) (files, error) {
		made, err := nodejs.GeneratePackage(tool, pkg, nil, nil, false, nil)
		return fromRoot(made, regexp.MustCompile(`"\./(utilities|types/)`), `"../$1`), err
	},
	"python": func(pkg *schema.Package) (files, error) {
		made, err := python.GeneratePackage(tool, pkg, nil, nil)
		return fromRoot(made, regexp.MustCompile(`from \. import _utilities`), `from .. import _utilities`), err
	},
	"go":     func(pkg *schema.Package) (files, error) { return golang.GeneratePackage(tool, pkg, nil) },
	"dotnet": func(pkg *schema.Package) (files, error) { return dotnet.GeneratePackage(tool, pkg, nil, nil) },
	"java": func(pkg *schema.Package) (files, error) {
		return java.GeneratePackage(tool, pkg, nil, nil, false, false)
	},
}

// Since Go 1.26 filepath.Rel("config", "") is ".." and no longer "../.", whose Dir these generators take.
func fromRoot(made files, near *regexp.Regexp, far string) files {
	for name, content := range made {
		if folder := path.Base(path.Dir(name)); folder == "config" || folder == "types" {
			made[name] = near.ReplaceAll(content, []byte(far))
		}
	}
	return made
}

//go:embed logo.png
var logo []byte

// The .NET generator fetches a package's logo: it gets ours, and nothing here depends on a network.
type offline struct{}

func (offline) RoundTrip(asked *http.Request) (*http.Response, error) {
	body := io.NopCloser(bytes.NewReader(logo))
	return &http.Response{Status: "200 OK", StatusCode: http.StatusOK, Body: body, Request: asked}, nil
}

func main() {
	http.DefaultTransport = offline{}
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: sdk examples|packages SCHEMA FOLDER")
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	switch args[0] {
	case "examples":
		return printExamples(text, args[2])
	case "packages":
		return writePackages(text, args[2])
	}
	return fmt.Errorf("usage: sdk examples|packages SCHEMA FOLDER")
}

// Bound anew for each use: generators change what they are given.
func bind(text []byte) (*schema.Package, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	pkg, diagnostics, err := schema.BindSpec(spec, nothing{}, schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	return pkg, pkg.ImportLanguages(map[string]schema.Language{
		"csharp": dotnet.Importer, "go": golang.Importer, "java": java.Importer,
		"nodejs": nodejs.Importer, "python": python.Importer,
	})
}

func writePackages(text []byte, folder string) error {
	for language, generate := range packages {
		pkg, err := bind(text)
		if err != nil {
			return err
		}
		made, err := generate(pkg)
		if err != nil {
			return fmt.Errorf("%s: %w", language, err)
		}
		for name, content := range made {
			file := filepath.Join(folder, language, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(file, content, 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
