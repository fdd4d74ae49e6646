package main

import (
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
)

// statusMachine draws orderhub.Transitions.
func statusMachine(sheets []sheet) []byte {
	p := newPage("orderhub.Transitions (machine.go)")
	p.line("# The status machine\n")
	p.line("An order has one headline status. It moves when somebody *asks* for it (a manager, an API client or a rule)")
	p.line("or when the channel *reports* it. What asking does depends on the channel:\n")
	p.line("- **push**: the request goes to the channel, and the headline moves when the channel shows the new status;")
	p.line("- **local**: the channel has no such step, the hub keeps it;")
	p.line("- **tell**: the hub decides, the headline moves at once, and the channel is told;")
	p.line("- **observed**: only the channel can cause it, asking gets a refusal that says so.\n")
	p.line("Local steps on the way to a wish are walked through: asking an order that is new for packed confirms it first,")
	p.line("where confirmed is local.")
	p.heading("Drawing")
	p.line("Steps that can be asked for, and what a channel reports of finished orders. Not drawn: a channel can report any")
	p.line("further step at once, and the headline follows; see the last table.\n")
	drawMachine(p)
	p.heading("Steps that can be asked for")
	var rows [][]string
	var guards []orderhub.Guard
	for _, tr := range orderhub.Transitions {
		if tr.By&orderhub.Asked == 0 {
			continue
		}
		var names []string
		for _, g := range tr.Guards {
			names = append(names, g.Name)
			if !slices.ContainsFunc(guards, func(x orderhub.Guard) bool { return x.Name == g.Name }) {
				guards = append(guards, g)
			}
		}
		rows = append(rows, []string{code(tr.From), code(tr.To), causes(tr.By), strings.Join(names, ", ")})
	}
	p.table([]string{"From", "To", "Caused by", "Guards when asked"}, rows)
	p.line("\nA guard that fails refuses the request with a sentence; news of the channel pass no guards.\n")
	rows = nil
	for _, g := range guards {
		rows = append(rows, []string{g.Name, g.Rule})
	}
	rows = append(rows, []string{"offered", "for a push: where the channel lists the actions that it offers for the order, the step's is among them"})
	p.table([]string{"Guard", "What must hold"}, rows)
	p.heading("Who can cause a step, by channel")
	p.line("Several kinds: it depends on the step before, see the page of the channel.\n")
	stepKinds(p, sheets)
	p.heading("Every move")
	p.line("● asked or reported, ○ reported by the channel only. An empty cell is a step back: it is older news, refused until the")
	p.line("channel's time, its revision or the channel's patience proves it. A cancelled order is never revived by an earlier step.\n")
	matrix(p)
	return p.Bytes()
}

func causes(by orderhub.Cause) string {
	var out []string
	if by&orderhub.Asked != 0 {
		out = append(out, "manager, API client, rule")
	}
	if by&orderhub.News != 0 {
		out = append(out, "channel")
	}
	return strings.Join(out, "; ")
}

func drawMachine(p *page) {
	p.line("```mermaid\nstateDiagram-v2")
	p.line("    direction LR")
	for _, s := range []orderhub.Status{orderhub.StatusPending, orderhub.StatusNew, orderhub.StatusUnknown} {
		p.line("    [*] --> %s", s)
	}
	p.line("    %s --> %s : word understood", orderhub.StatusUnknown, orderhub.StatusNew)
	for _, tr := range orderhub.Transitions {
		switch {
		case tr.By&orderhub.Asked != 0:
			p.line("    %s --> %s", tr.From, tr.To)
		case tr.From.IsEnd():
			p.line("    %s --> %s : reported", tr.From, tr.To)
		}
	}
	p.line("```")
}

// stepKinds tells for each channel and scheme how a status is reached.
func stepKinds(p *page, sheets []sheet) {
	var targets []orderhub.Status
	for _, s := range orderhub.Statuses() {
		if slices.ContainsFunc(orderhub.Transitions, func(tr orderhub.Transition) bool { return tr.To == s && tr.By&orderhub.Asked != 0 }) {
			targets = append(targets, s)
		}
	}
	head := []string{"Channel", "Scheme"}
	for _, s := range targets {
		head = append(head, code(s))
	}
	var rows [][]string
	for _, sh := range sheets {
		for _, scheme := range sh.Schemes {
			row := []string{"[" + sh.Title + "](channels/" + string(sh.Name) + ".md)", code(scheme)}
			for _, to := range targets {
				row = append(row, strings.Join(kindsOf(sh.Statuses, scheme, to), ", "))
			}
			rows = append(rows, row)
		}
	}
	p.table(head, rows)
}

// kindsOf gives the kinds of a step over all headlines from which it can be asked.
func kindsOf(t orderhub.StatusTable, scheme orderhub.Scheme, to orderhub.Status) []string {
	var out []string
	for _, tr := range orderhub.Transitions {
		if tr.To != to || tr.By&orderhub.Asked == 0 {
			continue
		}
		if kind := string(t.Step(scheme, tr.From, to).Kind); !slices.Contains(out, kind) {
			out = append(out, kind)
		}
	}
	return out
}

func matrix(p *page) {
	head := []string{"From ＼ to"}
	for _, s := range orderhub.Statuses() {
		head = append(head, code(s))
	}
	var rows [][]string
	for _, from := range orderhub.Statuses() {
		row := []string{code(from)}
		for _, to := range orderhub.Statuses() {
			mark := ""
			for _, tr := range orderhub.Transitions {
				switch {
				case tr.From != from || tr.To != to:
				case tr.By&orderhub.Asked != 0:
					mark = "●"
				default:
					mark = "○"
				}
			}
			row = append(row, mark)
		}
		rows = append(rows, row)
	}
	p.table(head, rows)
}
