package insales

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/channel"
)

// Check reads the shop's name, looks whether what the settings name is there,
// and subscribes the hub's webhook address, if one is filled in.
func (a *adapter) Check(ctx context.Context) (channel.CheckResult, error) {
	title, err := a.client.account(ctx)
	if err != nil {
		return channel.CheckResult{}, err
	}
	out := channel.CheckResult{Name: title}
	for _, look := range []func(context.Context) (string, error){a.checkStatuses, a.checkWarehouse, a.checkField, a.checkHooks} {
		warning, err := look(ctx)
		switch {
		case err != nil && orderhub.ClassOf(err) != orderhub.ClassRejected && orderhub.ClassOf(err) != orderhub.ClassAuth:
			return out, err
		case err != nil:
			out.Warnings = append(out.Warnings, "a part of the settings could not be looked at: "+err.Error())
		case warning != "":
			out.Warnings = append(out.Warnings, warning)
		}
	}
	return out, nil
}

// checkStatuses: a permalink that the shop does not have would be refused with
// each push, or never be seen.
func (a *adapter) checkStatuses(ctx context.Context) (string, error) {
	var wanted []string
	for _, s := range orderhub.Statuses() {
		if word := a.words.Word(s); word != "" && !standard[word] {
			wanted = append(wanted, word)
		}
	}
	if len(wanted) == 0 {
		return "", nil
	}
	rows, err := a.client.named(ctx, "custom_statuses", "permalink", "title")
	if err != nil {
		return "", err
	}
	missing, have := missing(wanted, rows)
	if len(missing) == 0 {
		return "", nil
	}
	return fmt.Sprintf("the shop has no status %s; it has: %s", strings.Join(missing, ", "), have), nil
}

func (a *adapter) checkWarehouse(ctx context.Context) (string, error) {
	index, given := strings.CutPrefix(a.stockField, "quantity_at_warehouse")
	if !given {
		return "", nil
	}
	rows, err := a.client.named(ctx, "warehouses", "array_index", "title")
	if err != nil {
		return "", err
	}
	missing, have := missing([]string{index}, rows)
	if len(missing) == 0 {
		return "", nil
	}
	return fmt.Sprintf("the shop has no warehouse with the index %s; it has: %s", index, have), nil
}

func (a *adapter) checkField(ctx context.Context) (string, error) {
	if a.track == "" {
		return "", nil
	}
	rows, err := a.client.named(ctx, "fields", "handle", "title")
	if err != nil {
		return "", err
	}
	missing, have := missing([]string{a.track}, rows)
	if len(missing) == 0 {
		return "", nil
	}
	return fmt.Sprintf("orders have no field %s for tracking numbers; they have: %s", a.track, have), nil
}

// missing tells which of the wanted keys no row has, and lists the rows.
func missing(wanted []string, rows [][2]string) (lacking []string, have string) {
	known := map[string]bool{}
	var all []string
	for _, row := range rows {
		known[row[0]] = true
		if row[0] != "" && len(all) < 30 {
			all = append(all, row[0]+" ("+row[1]+")")
		}
	}
	for _, w := range wanted {
		if !known[w] {
			lacking = append(lacking, w)
		}
	}
	slices.Sort(lacking)
	return lacking, strings.Join(all, ", ")
}

// checkHooks subscribes what is missing. The pair of address and topic is unique
// in the shop, so doing it twice does no harm.
func (a *adapter) checkHooks(ctx context.Context) (string, error) {
	if a.hook == "" {
		return "", nil
	}
	hooks, err := a.client.webhooks(ctx)
	if err != nil {
		return "", err
	}
	for _, topic := range topics {
		at := slices.IndexFunc(hooks, func(h wireHook) bool { return h.Topic == topic && h.Address == a.hook })
		want := wireHook{Address: a.hook, Topic: topic, FormatType: "json"}
		switch {
		case at < 0:
		case hooks[at].FormatType == "json" || hooks[at].FormatType == "":
			continue
		default:
			want.ID = hooks[at].ID
		}
		if err := a.client.subscribe(ctx, want); err != nil {
			return "", err
		}
	}
	return "", nil
}
