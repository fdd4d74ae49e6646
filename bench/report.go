package bench

import (
	"fmt"
	"strings"
)

func (b *run) printf(format string, args ...any) { fmt.Fprintf(b.out, format, args...) }

func (b *run) printMachine(m Machine) {
	b.printf("orderhub bench: %d CPUs, %s, %s", m.CPUs, m.OS, m.Go)
	if m.Load != "" {
		b.printf(", load average before the run %s (other work on the machine slows the figures down)", m.Load)
	}
	b.printf("\n")
}

func (b *run) printAcceptHead() {
	b.printf("\nAccepting orders: raw payload in memory → committed order, 2 lines, search words, event, follow-up job\n")
	b.printf("%-13s %6s %7s │ %9s │ %8s %9s %8s │ %9s %9s %8s\n", "payload", "batch", "orders", "orders/s", "save", "normalise", "accept",
		"floor", "no index", "of floor")
	b.printf("%-13s %6s %7s │ %9s │ %8s %9s %8s │ %9s %9s %8s\n", "", "", "", "", "µs", "µs", "µs", "orders/s", "orders/s", "")
}

func (b *run) printAccept(r AcceptResult) {
	b.printf("%-13s %6d %7d │ %9.0f │ %8.1f %9.1f %8.1f │ %9.0f %9.0f %7.0f%%\n", r.Payload, r.Batch, r.Orders, r.PerSecond, r.Save, r.Normalise,
		r.Accept, r.Floor, r.FloorBare, 100*r.OfFloor)
}

func (b *run) printAcceptFoot() {
	b.printf("floor: the same rows inserted into the same tables with their indexes, prepared in memory, one transaction per batch, no logic.\n")
	b.printf("no index: the same without secondary indexes. The hub needs two transactions per batch, save and accept, in two lanes beside each other. Median of 3 rounds.\n")
}

func (b *run) printWebhook(r *WebhookResult) {
	b.printf("\nWebhooks: %d signed messages over HTTP, %d per second, each answered after its order is kept durably, the hub at work meanwhile\n", r.Sent, r.PerSecond)
	b.printf("p50 %.1f ms   p95 %.1f ms   p99 %.1f ms   max %.1f ms   errors %d   orders in the ledger %d of %d, %.1f s after the last message\n",
		r.P50, r.P95, r.P99, r.Max, r.Errors, r.Orders, r.Sent, r.Settled)
	b.printf("goal p99 < %d ms: %s\n", webhookGoal, met(r.P99 < webhookGoal && r.Errors == 0 && r.Orders == r.Sent))
}

func met(ok bool) string {
	if ok {
		return "met"
	}
	return "MISSED"
}

func (b *run) printListHead(r *ListReport) {
	b.printf("\nList of orders over %d orders of %d accounts in %d days, pages of 50 with their lines (filled in %.0f s)\n", r.Orders, len(seedAccounts),
		seedDays, r.SeedSeconds)
	b.printf("%-34s %7s %8s %8s %8s %6s  %s\n", "question", "queries", "p50 ms", "p95 ms", "max ms", "rows", "plan")
}

func (b *run) printPanelHead(r *PanelReport) {
	b.printf("\nWhat the panel asks, over HTTP, at %d orders of %d accounts in %d days (filled in %.0f s)\n", r.Orders, len(seedAccounts), seedDays, r.SeedSeconds)
	b.printf("%-34s %7s %8s %8s %8s %6s  %s\n", "question", "queries", "p50 ms", "p95 ms", "max ms", "rows", "plan")
}

func (b *run) printList(r ListResult, goal float64) {
	verdict := "OK"
	if len(r.Scans) > 0 {
		verdict = "SCAN"
	}
	late := ""
	if r.P95 >= goal {
		late = "  p95 MISSED"
	}
	b.printf("%-34s %7d %8.1f %8.1f %8.1f %6.1f  %s%s\n", r.Kind, r.Queries, r.P50, r.P95, r.Max, r.Rows, verdict, late)
}

func (b *run) printListFoot(kinds []ListResult, goal float64) {
	b.printf("\nQuery plans, of one question each:\n")
	for _, k := range kinds {
		b.printf("%s\n", k.Kind)
		for _, step := range k.Plan {
			b.printf("    %s\n", step)
		}
	}
	var late, scans []string
	for _, k := range kinds {
		if k.P95 >= goal {
			late = append(late, fmt.Sprintf("%s (%.0f ms)", k.Kind, k.P95))
		}
		if len(k.Scans) > 0 {
			scans = append(scans, k.Kind)
		}
	}
	b.printf("goal p95 < %.0f ms: %s", goal, met(len(late) == 0))
	if len(late) > 0 {
		b.printf(" by %d of %d questions: %s", len(late), len(kinds), strings.Join(late, ", "))
	}
	b.printf("\ngoal no table is read whole: %s", met(len(scans) == 0))
	if len(scans) > 0 {
		b.printf(" by %s", strings.Join(scans, ", "))
	}
	b.printf("\n")
}

func (b *run) printImport(r *ImportResult) {
	b.printf("\nImport of %d products from a CSV file of %.0f MB into an empty database, checked whole, written in one transaction\n", r.Products, r.FileMB)
	b.printf("%.1f s (%.1f s of it checking), %.0f rows/s   peak heap %.0f MB, %.0f MB before it\n", r.Seconds, r.Check, r.PerSecond, r.PeakHeap, r.Base)
	b.printf("floor %.0f rows/s, the import makes %.0f%% of it: the same rows inserted into the same tables, made in memory, one transaction, no logic\n",
		r.Floor, 100*r.OfFloor)
}
