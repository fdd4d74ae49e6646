package specs

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// CommerceMLVersions are the official schemas of 1C's files.
var CommerceMLVersions = []string{"2.08", "2.09", "2.10"}

var (
	space = regexp.MustCompile(`targetNamespace="([^"]+)"`)
	// root ends before the first attribute: what follows may be in windows-1251.
	root   = regexp.MustCompile(`(?s)^\s*(?:<\?xml.*?\?>)?\s*<[^\s>]+`)
	xmlns  = regexp.MustCompile(` xmlns="[^"]*"`)
	byMark = []byte("\ufeff")
)

// CommerceML validates a file against an official schema with xmllint, which is of
// other make than Go's reader. The file gets the namespace of the schema: 1C wants
// none in some and names one version for all in others. It skips the test when
// xmllint or the schemas are missing.
func CommerceML(t testing.TB, version string, file []byte) error {
	t.Helper()
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("SKIPPED: no xmllint (Debian: libxml2-utils)")
	}
	dir := folder()
	if dir == "" {
		t.Skip("SKIPPED: the official schemas are not here; set ORDERHUB_SPECS to their folder")
	}
	schema := filepath.Join(dir, "commerceml", "commerceml-"+version+".xsd")
	text, err := os.ReadFile(schema)
	if err != nil {
		t.Fatal(err)
	}
	file = xmlns.ReplaceAll(bytes.TrimPrefix(file, byMark), nil)
	at := root.FindIndex(file)
	if at == nil {
		return fmt.Errorf("the file has no root element")
	}
	named := bytes.Clone(file[:at[1]])
	if m := space.FindSubmatch(text); m != nil {
		named = fmt.Appendf(named, ` xmlns="%s"`, m[1])
	}
	path := filepath.Join(t.TempDir(), "file.xml")
	if err := os.WriteFile(path, append(named, file[at[1]:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), lint, "--noout", "--schema", schema, path).CombinedOutput(); err != nil {
		return fmt.Errorf("schema %s: %s", version, strings.TrimSpace(string(out)))
	}
	return nil
}
