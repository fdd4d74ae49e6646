package cmlshop

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel/rest"
)

// The limits of what a shop may answer and get.
const (
	maxFile   = 64 << 20 // of one answer with orders
	maxAnswer = 4 << 10  // of what is read of any other answer
	// partSize is the largest part of a file when the shop names no limit.
	partSize = 1 << 20
)

// talk is one log-in and what follows it, as the shop knows it.
type talk struct {
	// Cookie is "name=value", Session the parameter sessid, "" = none.
	Cookie  string `json:"cookie"`
	Session string `json:"session,omitempty"`
}

// The types of an exchange.
const (
	typeSale    = "sale"
	typeCatalog = "catalog"
)

// checkauth logs in. A body of fewer than three lines is no answer of an exchange.
func (a *adapter) checkauth(ctx context.Context, kind string) (talk, error) {
	body, err := a.call(ctx, talk{}, kind, "checkauth", "", nil)
	if err != nil {
		return talk{}, err
	}
	lines := answerLines(body)
	switch {
	case lines[0] == "failure":
		return talk{}, a.failed(orderhub.ClassAuth, "checkauth", lines)
	case lines[0] != "success" || len(lines) < 3 || !isToken(lines[1]) || !isToken(lines[2]):
		return talk{}, orderhub.NewBorderError(orderhub.ClassRetry, op("checkauth"),
			"the answer is not that of an exchange with 1C; is the address right?", nil)
	}
	t := talk{Cookie: lines[1] + "=" + lines[2]}
	if len(lines) > 3 {
		if id, ok := strings.CutPrefix(lines[3], "sessid="); ok && isToken(id) {
			t.Session = id
		}
	}
	return t, nil
}

// isToken tells what may stand in a cookie: a shop's answer must not smuggle
// headers into ours.
func isToken(s string) bool {
	return s != "" && len(s) <= 512 && strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`;,"\=`, r)
	}) < 0
}

// init asks how files are to be sent.
func (a *adapter) init(ctx context.Context, t talk, kind string) (part int, err error) {
	body, err := a.call(ctx, t, kind, "init", "", nil)
	if err != nil {
		return 0, err
	}
	lines := answerLines(body)
	if lines[0] == "failure" {
		return 0, a.failed(orderhub.ClassRetry, "init", lines)
	}
	part = partSize
	for _, l := range lines {
		if v, ok := strings.CutPrefix(l, "file_limit="); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n >= 1<<10 {
				part = min(n, maxFile)
			}
		}
	}
	return part, nil
}

// send uploads a file in parts and has it imported. What the shop refuses is
// rejected; it is the same document at every attempt, so an attempt without an
// answer is made again.
func (a *adapter) send(ctx context.Context, t talk, kind, name string, file []byte, part int) error {
	for first := true; first || len(file) > 0; first = false {
		n := min(part, len(file))
		body, err := a.call(ctx, t, kind, "file", name, file[:n])
		if err != nil {
			return err
		}
		if lines := answerLines(body); lines[0] != "success" {
			return a.refused("file", lines)
		}
		file = file[n:]
	}
	return a.importFile(ctx, t, kind, name)
}

// maxRounds is how often a shop may answer progress to one file.
const maxRounds = 600

func (a *adapter) importFile(ctx context.Context, t talk, kind, name string) error {
	for range maxRounds {
		body, err := a.call(ctx, t, kind, "import", name, nil)
		if err != nil {
			return err
		}
		switch lines := answerLines(body); lines[0] {
		case "success":
			return nil
		case "progress":
		default:
			return a.refused("import", lines)
		}
	}
	return orderhub.NewBorderError(orderhub.ClassRetry, op("import"), "the shop answers progress without an end", nil)
}

// refused is a shop's no: with failure a decision, with another word no answer of
// an exchange at all.
func (a *adapter) refused(mode string, lines []string) error {
	if lines[0] == "failure" {
		return a.failed(orderhub.ClassRejected, mode, lines)
	}
	return orderhub.NewBorderError(orderhub.ClassRetry, op(mode), "the answer is not that of an exchange with 1C", nil)
}

// failed carries the shop's reason, without what could be a secret or a buyer's.
func (a *adapter) failed(class orderhub.Class, mode string, lines []string) error {
	reason := rest.Clean(strings.Join(lines[1:], " "), a.password)
	if strings.TrimSpace(reason) == "" {
		reason = "the shop says failure and no reason"
	}
	return orderhub.NewBorderError(class, op(mode), reason, nil)
}

func op(mode string) string { return string(Name) + ": " + mode }

// call makes one request of the dialogue.
func (a *adapter) call(ctx context.Context, t talk, kind, mode, file string, body []byte) ([]byte, error) {
	query := url.Values{"type": {kind}, "mode": {mode}}
	if file != "" {
		query.Set("filename", file)
	}
	if t.Session != "" {
		query.Set("sessid", t.Session)
	}
	header := http.Header{
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(a.login+":"+a.password))},
		"Accept":        {"*/*"},
	}
	if t.Cookie != "" {
		header.Set("Cookie", t.Cookie)
	}
	c := rest.Call{Method: http.MethodGet, URL: a.address, Query: query, Group: group, Header: header}
	if mode == "file" {
		c.Method, c.Body = http.MethodPost, body
		header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := a.client.Do(ctx, c)
	if err != nil {
		return nil, err
	}
	if len(strings.TrimSpace(string(resp.Body[:min(len(resp.Body), 64)]))) == 0 {
		return nil, orderhub.NewBorderError(orderhub.ClassRetry, op(mode), "the answer is empty", nil)
	}
	return resp.Body, nil
}

// answerLines splits an answer; the first word is compared in lower case.
func answerLines(body []byte) []string {
	text := strings.TrimPrefix(string(body[:min(len(body), maxAnswer)]), "\ufeff")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	lines[0] = strings.ToLower(lines[0])
	return lines
}

// explain reads the reason of an answer that is not 200: 401 comes with failure
// and a sentence.
func explain(_ *http.Response, body []byte, e *orderhub.BorderError) *orderhub.BorderError {
	if lines := answerLines(body); lines[0] == "failure" && len(lines) > 1 {
		e.Sentence = strings.Join(lines[1:], " ")
		return e
	}
	return nil
}
