package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/blang/semver"
	"github.com/hashicorp/hcl/v2"
	java "github.com/pulumi/pulumi-java/pkg/codegen/java"
	"github.com/pulumi/pulumi/pkg/v3/codegen/dotnet"
	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

type programs = func(*pcl.Program) (map[string][]byte, hcl.Diagnostics, error)

// By the names that documentation has for code in these languages.
var languages = map[string]programs{
	"typescript": nodejs.GenerateProgram,
	"python":     python.GenerateProgram,
	"go":         golang.GenerateProgram,
	"csharp":     dotnet.GenerateProgram,
	"java":       java.GenerateProgram,
}

var lookup = regexp.MustCompile(`(kvm\.Lookup\w+\(ctx, &kvm\.)Get(\w+)Args\{`)

func printExamples(text []byte, folder string) error {
	sources, err := filepath.Glob(filepath.Join(folder, "*.pp"))
	if err != nil {
		return err
	}
	examples := map[string]map[string]string{}
	for _, source := range sources {
		token := strings.TrimSuffix(filepath.Base(source), ".pp")
		examples[token] = map[string]string{}
		for language, generate := range languages {
			code, err := translate(text, source, generate)
			if err != nil {
				return fmt.Errorf("%s in %s: %w", source, language, err)
			}
			examples[token][language] = code
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(examples)
}

func translate(text []byte, source string, generate programs) (string, error) {
	content, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	parser := syntax.NewParser()
	if err := parser.ParseFile(bytes.NewReader(content), filepath.Base(source)); err != nil {
		return "", err
	}
	if parser.Diagnostics.HasErrors() {
		return "", parser.Diagnostics
	}
	program, diagnostics, err := pcl.BindProgram(parser.Files, pcl.Loader(only{text}))
	if err != nil {
		return "", err
	}
	if diagnostics.HasErrors() {
		return "", diagnostics
	}
	made, diagnostics, err := generate(program)
	if err != nil {
		return "", err
	}
	if diagnostics.HasErrors() {
		return "", diagnostics
	}
	if len(made) != 1 {
		return "", fmt.Errorf("%d files, not one", len(made))
	}
	for _, code := range made {
		// Go's generator calls LookupX by its name, and not its arguments.
		code = lookup.ReplaceAll(code, []byte("${1}Lookup${2}Args{"))
		// Java's generator knows one base package for its imports of inputs, whatever the schema says.
		return strings.ReplaceAll(string(code), "import com.pulumi.kvm.", "import com.pulumikvm.kvm."), nil
	}
	return "", nil
}

// nothing knows no other packages.
type nothing struct{}

func (nothing) LoadPackage(name string, _ *semver.Version) (*schema.Package, error) {
	return nil, fmt.Errorf("no package %s here", name)
}

func (loader nothing) LoadPackageV2(_ context.Context, wanted *schema.PackageDescriptor) (*schema.Package, error) {
	return loader.LoadPackage(wanted.Name, nil)
}

func (loader nothing) LoadPackageReference(name string, _ *semver.Version) (schema.PackageReference, error) {
	_, err := loader.LoadPackage(name, nil)
	return nil, err
}

func (loader nothing) LoadPackageReferenceV2(
	_ context.Context, wanted *schema.PackageDescriptor,
) (schema.PackageReference, error) {
	return loader.LoadPackageReference(wanted.Name, nil)
}

// only knows the package of one schema, whatever it is asked for: an example uses no other.
type only struct{ text []byte }

func (loader only) LoadPackage(string, *semver.Version) (*schema.Package, error) {
	return bind(loader.text)
}

func (loader only) LoadPackageV2(context.Context, *schema.PackageDescriptor) (*schema.Package, error) {
	return bind(loader.text)
}

func (loader only) LoadPackageReference(string, *semver.Version) (schema.PackageReference, error) {
	pkg, err := bind(loader.text)
	if err != nil {
		return nil, err
	}
	return pkg.Reference(), nil
}

func (loader only) LoadPackageReferenceV2(
	context.Context, *schema.PackageDescriptor,
) (schema.PackageReference, error) {
	return loader.LoadPackageReference("", nil)
}
