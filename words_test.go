package orderhub_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// The hub says its sentences in one language, the panel in that of its reader:
// web/src/shell/locales/hub.ru.json has what is said in English, hub.en.json what
// is said in Russian (to 1C and about it). This test reads the sentences out of
// the source, so that none is forgotten.

// sayers are the functions that are given sentences for people.
var sayers = words(`Errorf InvalidField NewBorderError newProblem coded WriteProblem
	refuse refused rejected refusedCut refusal stockRefusal fail answerError noAnswer retry border misses notOffered accepted done
	denied deny join kept say unconfirmed showHold SetHold release reserve giveUpOnecList`)

// silent are packages none of whose sentences comes to the panel: programs of
// their own, and those that only tests and demonstrations use.
var silent = words(`bench cmd demo marketsim scripts web channel/channeltest channel/demo store/storetest notify/notifytest onec/onectest`)

// fields are where sentences are put.
var fields = regexp.MustCompile(`^(\w+\.)*(\w*[wW]hy|\w*[sS]entences?|[pP]roblem|[wW]arnings?|Error|note|verdict|Discrepancy|Detail|Message|Msg\w+|reason|words|what|text|held)$`)

// unsaid are the names of calls that stand beside a sentence, and what a program
// reads alone.
var unsaid = regexp.MustCompile(`^((ozon|site|wildberries|woocommerce): [\w .]+|%s: (push|resume a list)|(\w+: |%s: )?(GET|POST|PUT|%s) /?[\w{%].*|(set|give|take) \w+( out)?|set status|answer the (cancel request|return)|` +
	`answer a return|cancel lines|session-idle, session-max|(progress|failure)\n.*|(?s:(mutation|query|\n\t\t).*)|.*\n)$`)

// tellers are functions that return sentences.
var tellers = regexp.MustCompile(`(Why|Merge|Sentence|sentence|Code|troubleOf|problem|words|explain|check|invalid|refus|Refus|misfit|blame|health|verdict)`)

func words(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// source reads the sentences of a package.
type source struct {
	consts map[string]string
	// at is where each sentence was first seen.
	at map[string]string
}

// phrases gives the texts that an expression can be, with %s for what varies.
func (s *source) phrases(e ast.Expr) []string {
	switch x := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(x.Value); err == nil && x.Kind == token.STRING {
			return []string{text}
		}
	case *ast.Ident:
		if text, ok := s.consts[x.Name]; ok {
			return []string{text}
		}
	case *ast.ParenExpr:
		return s.phrases(x.X)
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			break
		}
		var out []string
		for _, a := range s.phrases(x.X) {
			for _, b := range s.phrases(x.Y) {
				out = append(out, a+b)
			}
		}
		return out
	case *ast.CallExpr:
		switch name := called(x); name {
		case "Sprintf":
			out := s.phrases(x.Args[0])
			if last, ok := x.Args[len(x.Args)-1].(*ast.CallExpr); ok && called(last) == "errorSuffix" {
				for i := range out {
					out[i] = strings.TrimSuffix(out[i], "%s")
				}
			}
			return out
		case "errorSuffix", "hint":
			return []string{""} // it is looked at by itself
		case "Or":
			var out []string
			for _, a := range x.Args {
				out = append(out, s.phrases(a)...)
			}
			return out
		}
	}
	return []string{"%s"}
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func nameOf(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

var verb = regexp.MustCompile(`%[-+ #0]*\d*(\.\d+)?([sdqvtwTxXcUf])`)

// keyOf is how the panel's files write a sentence: %q and %d as they are, %s for
// anything else.
func keyOf(phrase string) string {
	phrase = strings.ReplaceAll(phrase, "%%", "%")
	return verb.ReplaceAllStringFunc(phrase, func(v string) string {
		switch v[len(v)-1] {
		case 'q':
			return "%q"
		case 'd':
			return "%d"
		}
		return "%s"
	})
}

// isSentence tells words for people from codes, addresses and layouts.
func isSentence(key string) bool {
	bare := strings.NewReplacer("%s", "", "%d", "", "%q", "").Replace(key)
	if unsaid.MatchString(key) {
		return false
	}
	letters := strings.IndexFunc(bare, unicode.IsLetter) >= 0
	return letters && strings.Contains(strings.TrimSpace(bare), " ") || strings.HasPrefix(bare, "is ") && letters
}

func (s *source) take(at token.Position, exprs ...ast.Expr) {
	for _, e := range exprs {
		if lit, ok := e.(*ast.CompositeLit); ok {
			s.take(at, lit.Elts...)
			continue
		}
		for _, p := range s.phrases(e) {
			if key := keyOf(p); isSentence(key) && s.at[key] == "" {
				s.at[key] = at.String()
			}
		}
	}
}

// takeRow reads the rows of the channels' tables: the note of a step or of an
// outcome, and the title of a reason. The panel shows no others.
func (s *source) takeRow(at token.Position, row *ast.CompositeLit) {
	values := map[string]ast.Expr{}
	for _, e := range row.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			values[nameOf(kv.Key)] = kv.Value
		}
	}
	if note := values["Note"]; note != nil && (values["Kind"] != nil || values["Outcome"] != nil) {
		s.take(at, note)
	}
	if title := values["Title"]; title != nil && values["Code"] != nil {
		s.take(at, title)
	}
}

func (s *source) read(fset *token.FileSet, f *ast.File) {
	in := ""
	ast.Inspect(f, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncDecl:
			in = x.Name.Name
		case *ast.CallExpr:
			name := called(x)
			switch {
			case pkgOf(x) == "fmt" && name == "Errorf":
			case name == "NewBorderError" && len(x.Args) > 2:
				s.take(fset.Position(x.Pos()), x.Args[2])
			case name == "plural" && len(x.Args) == 2:
				for _, w := range s.phrases(x.Args[1]) {
					s.at["%d "+w], s.at["%d "+w+"s"] = fset.Position(x.Pos()).String(), fset.Position(x.Pos()).String()
				}
			case sayers[name]:
				s.take(fset.Position(x.Pos()), x.Args...)
			case name == "append" && len(x.Args) > 1 && fields.MatchString(nameOf(x.Args[0])):
				s.take(fset.Position(x.Pos()), x.Args[1:]...)
			}
		case *ast.KeyValueExpr:
			if fields.MatchString(nameOf(x.Key)) {
				s.take(fset.Position(x.Pos()), x.Value)
			}
		case *ast.CompositeLit:
			s.takeRow(fset.Position(x.Pos()), x)
		case *ast.ValueSpec:
			for i, v := range x.Values {
				if m, ok := v.(*ast.CompositeLit); ok && fields.MatchString(x.Names[i].Name) {
					for _, e := range m.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok {
							s.take(fset.Position(kv.Pos()), kv.Value)
						}
					}
				}
			}
		case *ast.AssignStmt:
			for i, l := range x.Lhs {
				if len(x.Lhs) == len(x.Rhs) && fields.MatchString(nameOf(l)) {
					s.take(fset.Position(x.Pos()), x.Rhs[i])
				}
			}
		case *ast.ReturnStmt:
			if tellers.MatchString(in) {
				s.take(fset.Position(x.Pos()), x.Results...)
			}
		}
		return true
	})
}

func pkgOf(c *ast.CallExpr) string {
	if sel, ok := c.Fun.(*ast.SelectorExpr); ok {
		return nameOf(sel.X)
	}
	return ""
}

// sentences gives all sentences of the hub with the place where each is said.
func sentences(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if silent[filepath.ToSlash(p)] || d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && p != ".") {
			return fs.SkipDir
		}
		files, err := filepath.Glob(filepath.Join(p, "*.go"))
		if err != nil {
			return err
		}
		s := source{consts: map[string]string{}, at: all}
		var parsed []*ast.File
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			s.learn(f)
			parsed = append(parsed, f)
		}
		for _, f := range parsed {
			s.read(fset, f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// learn remembers a file's constants.
func (s *source) learn(f *ast.File) {
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || len(v.Values) != len(v.Names) {
				continue
			}
			for i, name := range v.Names {
				if got := s.phrases(v.Values[i]); len(got) == 1 {
					s.consts[name.Name] = got[0]
				}
			}
		}
	}
}

func TestSentencesAreTranslated(t *testing.T) {
	t.Parallel()
	books := map[bool]map[string]string{false: book(t, "ru"), true: book(t, "en")}
	all := sentences(t)
	if len(all) < 500 {
		t.Fatalf("%d sentences found in the source; does this test still know how they are said?", len(all))
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		russian := isRussian(key)
		if books[russian][key] == "" {
			t.Errorf("%s: %q is not in %s", all[key], key, map[bool]string{false: "hub.ru.json", true: "hub.en.json"}[russian])
		}
	}
}

// isRussian goes by the first words: an English sentence may name a field of 1C.
func isRussian(key string) bool {
	at := strings.IndexFunc(verb.ReplaceAllString(key, ""), unicode.IsLetter)
	for _, r := range verb.ReplaceAllString(key, "")[max(0, at):] {
		return unicode.Is(unicode.Cyrillic, r)
	}
	return false
}

// book reads the file of a language and looks at its places.
func book(t *testing.T, lang string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path.Join("web/src/shell/locales/hub." + lang + ".json"))
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	place := regexp.MustCompile(`\{(\d+)(:\w+|#[^{}|]+\|[^{}|]+(\|[^{}|]+)?)?\}`)
	for key, text := range out {
		n := len(regexp.MustCompile(`%[sdq]`).FindAllString(key, -1))
		if key != keyOf(key) {
			t.Errorf("hub.%s.json: %q: write its places as %%s, %%d or %%q", lang, key)
		}
		for _, m := range place.FindAllStringSubmatch(text, -1) {
			i, err := strconv.Atoi(m[1])
			if err != nil || i < 1 || i > n {
				t.Errorf("hub.%s.json: %q has no place %s", lang, key, m[0])
			}
		}
		if left := place.ReplaceAllString(text, ""); strings.ContainsAny(left, "{}") && !strings.ContainsAny(key, "{}") {
			t.Errorf("hub.%s.json: %q: %q is no place", lang, key, text)
		}
	}
	return out
}

// spoken are the groups of texts in which the panel says the constants of a type.
var spoken = map[string]string{
	"EventKind": "event", "Status": "status", "Hold": "hold", "EffectKind": "effectKind", "EffectState": "effect", "ReturnState": "returnState",
	"ReturnKind": "returnKind", "GoodsDecision": "decision", "CancelParty": "cancelBy", "FiringOutcome": "firing",
	"AccountState": "accountState", "ActorKind": "actor", "OnecField": "onecField",
}

// TestConstantsHaveTexts: whatever the hub can name, the panel can say.
func TestConstantsHaveTexts(t *testing.T) {
	t.Parallel()
	texts := map[string]map[string]string{}
	for _, lang := range []string{"ru", "en"} {
		data, err := os.ReadFile("web/src/shell/locales/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		texts[lang] = m
	}
	seen := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range constants(f) {
			group := spoken[nameOf(spec.Type)]
			for i := range spec.Values {
				lit, ok := spec.Values[i].(*ast.BasicLit)
				if group == "" || !ok || lit.Value == `""` {
					continue
				}
				word, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				seen[nameOf(spec.Type)] = true
				for lang, m := range texts {
					if m[group+"."+word] == "" {
						t.Errorf("%s: %s.json has no %s.%s", spec.Names[i].Name, lang, group, word)
					}
				}
			}
		}
	}
	for name := range spoken {
		if !seen[name] {
			t.Errorf("there are no constants of the type %s any more", name)
		}
	}
}

func constants(f *ast.File) []*ast.ValueSpec {
	var out []*ast.ValueSpec
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				out = append(out, v)
			}
		}
	}
	return out
}
