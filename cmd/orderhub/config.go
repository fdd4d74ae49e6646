package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// configPath finds the YAML file before the command line is parsed: --config,
// then ORDERHUB_CONFIG; "" = none.
func configPath(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--config="); ok {
			return v
		}
		if a == "--config" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return os.Getenv("ORDERHUB_CONFIG")
}

// readConfig reads the configuration: the names of the flags, those of a
// command below the command's name. A file that is named must be there.
func readConfig(path string) (*yamlResolver, error) {
	r := &yamlResolver{values: map[string]any{}}
	if path == "" {
		return r, nil
	}
	b, err := os.ReadFile(kong.ExpandPath(path)) //nolint:gosec // whoever starts the program names the file
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	if err := yaml.Unmarshal(b, &r.values); err != nil {
		return nil, fmt.Errorf("read the configuration file %s: %w", path, err)
	}
	return r, nil
}

type yamlResolver struct{ values map[string]any }

// Validate refuses names that nothing reads: a typo must not pass silently.
func (r *yamlResolver) Validate(app *kong.Application) error {
	known := flagNames(app.Node)
	for name, v := range r.values {
		section, isSection := v.(map[string]any)
		if !isSection {
			if !known[name] {
				return fmt.Errorf("configuration file: %q is not known; known here: %s", name, names(known))
			}
			continue
		}
		cmd := child(app.Node, name)
		if cmd == nil {
			return fmt.Errorf("configuration file: %q is neither a setting nor a command", name)
		}
		inside := flagNames(cmd)
		for key := range section {
			if !inside[key] {
				return fmt.Errorf("configuration file: %q is not known below %q; known there: %s", key, name, names(inside))
			}
		}
	}
	return nil
}

// Resolve gives a flag's value from the file. What the environment sets goes
// before the file; kong would have it the other way round.
func (r *yamlResolver) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil //nolint:nilnil // kong's word for "not set here"
		}
	}
	values := r.values
	if parent != nil && parent.Command != nil {
		section, ok := r.values[parent.Command.Name].(map[string]any)
		if !ok {
			return nil, nil //nolint:nilnil // kong's word for "not set here"
		}
		values = section
	}
	v, ok := values[flag.Name]
	if !ok {
		return nil, nil //nolint:nilnil // kong's word for "not set here"
	}
	if list, isList := v.([]any); isList {
		words := make([]string, len(list))
		for i, w := range list {
			words[i] = fmt.Sprint(w)
		}
		return strings.Join(words, ","), nil
	}
	if v == nil {
		return nil, nil //nolint:nilnil // "token:" with nothing behind it
	}
	return fmt.Sprint(v), nil
}

func flagNames(n *kong.Node) map[string]bool {
	out := map[string]bool{}
	for _, f := range n.Flags {
		if f.Name != "help" && f.Name != "config" && f.Name != "version" {
			out[f.Name] = true
		}
	}
	return out
}

func child(n *kong.Node, name string) *kong.Node {
	for _, c := range n.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func names(set map[string]bool) string {
	list := make([]string, 0, len(set))
	for n := range set {
		list = append(list, n)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
