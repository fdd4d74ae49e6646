package main

import (
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// overview compares the channels.
func overview(sheets []sheet) []byte {
	p := newPage("the descriptors of channel/all")
	p.line("# Channels\n")
	head := []string{""}
	for _, s := range sheets {
		head = append(head, "["+s.Title+"]("+string(s.Name)+".md)")
	}
	row := func(label string, value func(sheet) string) []string {
		out := []string{label}
		for _, s := range sheets {
			out = append(out, value(s))
		}
		return out
	}
	rows := [][]string{
		row("name", func(s sheet) string { return code(s.Name) }),
		row("schemes", func(s sheet) string { return code(s.Schemes...) }),
	}
	for i, a := range abilities {
		rows = append(rows, row(a.what, func(s sheet) string { return yes(s.Has[i]) }))
	}
	p.table(head, rows)
	return p.Bytes()
}

// channelPage tells all that the descriptor of a channel says.
func channelPage(s sheet) []byte {
	p := newPage(s.Folder)
	p.line("# %s\n", s.Title)
	p.line("Channel `%s`, adapter in [%s](../../%s/), official documentation: <%s>.", s.Name, s.Folder, s.Folder, s.Doc)
	p.line("Which field became what, and why: [MAPPINGS.md](../../%s/MAPPINGS.md).", s.Folder)
	settings(p, s)
	p.heading("Abilities")
	var rows [][]string
	for i, a := range abilities {
		rows = append(rows, []string{a.what, code("channel." + a.iface.Name()), yesNo(s.Has[i])})
	}
	p.table([]string{"The adapter", "Interface", "Has it"}, rows)
	feeds(p, s)
	quotas(p, s)
	steps(p, s)
	natives(p, s)
	buyers(p, s)
	reasons(p, s)
	figures(p, s)
	if s.Notes != "" {
		p.line("\n%s", s.Notes)
	}
	return p.Bytes()
}

// buyers tells what of the buyer's data is real: the rest identifies nobody.
func buyers(p *page, s sheet) {
	p.heading("Buyers")
	b := s.Buyers
	what := func(c channel.Contact) string {
		if c == channel.ContactNone {
			return "not told"
		}
		return string(c)
	}
	p.table([]string{"Name", "Phone", "E-mail", "Id of the buyer"}, [][]string{{what(b.Name), what(b.Phone), what(b.Email), yesNo(b.ID)}})
	p.line("\n%s Only what is real, and the id, finds a buyer's card.", b.Note)
}

func settings(p *page, s sheet) {
	p.heading("Settings")
	var rows [][]string
	for _, f := range s.Settings {
		rows = append(rows, []string{code(f.Key), f.Title, yes(f.Required), yes(f.Secret), code(f.Default), f.Help})
	}
	p.table([]string{"Key", "Title", "Required", "Secret", "Default", "Help"}, rows)
}

func feeds(p *page, s sheet) {
	p.heading("Feeds")
	if len(s.Feeds) == 0 {
		p.line("None: the channel sends its orders itself.")
		return
	}
	var rows [][]string
	for _, f := range s.Feeds {
		rows = append(rows, []string{code(f.Name), duration(f.Every), f.Note})
	}
	p.table([]string{"Feed", "Swept every", "What it shows"}, rows)
}

func quotas(p *page, s sheet) {
	p.heading("Quotas")
	var rows [][]string
	for _, l := range s.Limits {
		burst := l.Burst
		if burst == 0 {
			burst = l.Calls
		}
		rows = append(rows, []string{code(l.Group), number(l.Calls), duration(l.Period), number(burst), number(l.Parallel), l.Source})
	}
	p.table([]string{"Group", "Calls", "Per", "Burst", "At a time", "Source"}, rows)
}

// steps joins rows that differ in the target only.
func steps(p *page, s sheet) {
	p.heading("Steps")
	p.line("How an order comes to a status; kinds and guards: [the status machine](../status-machine.md). A step that is not")
	p.line("listed is observed.\n")
	var rows [][]string
	for _, st := range s.Statuses.Steps {
		row := []string{
			scheme(st.Scheme), code(st.To), string(st.Kind), code(st.From...), code(st.Call), code(st.Actions...), st.Note,
		}
		same := func(r []string) bool { return r[0] == row[0] && slices.Equal(r[2:], row[2:]) }
		if i := slices.IndexFunc(rows, same); i >= 0 {
			rows[i][1] += ", " + row[1]
			continue
		}
		rows = append(rows, row)
	}
	p.table([]string{"Scheme", "To", "Kind", "Only from", "Call", "Only if offered", "Note"}, rows)
}

// natives joins rows that differ in the word only.
func natives(p *page, s sheet) {
	p.heading("Native statuses")
	p.line("`*` stands for any word. A pair that is not listed is unknown: its words are kept and shown, nothing is sent on a guess.\n")
	type key struct {
		scheme    orderhub.Scheme
		sub, note string
		status    orderhub.Status
	}
	var order []key
	words := map[key][]string{}
	for _, n := range s.Statuses.Native {
		k := key{n.Scheme, n.Sub, n.Note, n.Status}
		if words[k] == nil {
			order = append(order, k)
		}
		words[k] = append(words[k], n.Word)
	}
	var rows [][]string
	for _, k := range order {
		sub := k.sub
		if sub == "" {
			sub = "(none)"
		}
		rows = append(rows, []string{scheme(k.scheme), code(words[k]...), code(sub), code(k.status), k.note})
	}
	p.table([]string{"Scheme", "Status", "Substatus", "Headline", "Note"}, rows)
}

func scheme(s orderhub.Scheme) string {
	if s == "" {
		return "any"
	}
	return code(s)
}

func reasons(p *page, s sheet) {
	p.heading("Cancel reasons")
	if len(s.CancelReasons) == 0 {
		p.line("Any text.")
		return
	}
	var rows [][]string
	for _, r := range s.CancelReasons {
		rows = append(rows, []string{code(r.Code), r.Title, scheme(r.Scheme), code(r.From...), yes(r.NeedsComment)})
	}
	p.table([]string{"Code", "Title", "Scheme", "Only from", "Needs a comment"}, rows)
}

func figures(p *page, s sheet) {
	p.heading("Batches, times, messages")
	p.line("- orders read in one call of the adapter: %d", max(1, s.ReadBatch))
	p.line("- pushes in one call of the adapter: %d", max(1, s.PushBatch))
	if s.RefreshOpen > 0 {
		p.line("- every open order is read again each %s: the lists do not show changes", duration(s.RefreshOpen))
	}
	if s.Patience > 0 {
		p.line("- a lower status without a time is believed after %s", duration(s.Patience))
	}
	if has(s, "WebhookParser") {
		networks := "any address"
		if len(s.WebhookIPs) > 0 {
			networks = code(s.WebhookIPs...)
		}
		limit := s.WebhookLimit
		if limit == 0 {
			limit = 1 << 20
		}
		p.line("- messages come from %s, at most %d KiB", networks, limit>>10)
	}
	p.line("- kinds of raw answers: %s, samples in [testdata](../../%s/testdata/normalise/)", strings.ReplaceAll(code(s.Kinds...), ", ", " · "), s.Folder)
}

func has(s sheet, name string) bool {
	i := slices.IndexFunc(abilities, func(a ability) bool { return a.iface.Name() == name })
	return i >= 0 && s.Has[i]
}
