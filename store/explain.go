package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Plan is how the database means to run one statement.
type Plan struct {
	Query string
	Steps []string
	// Scans are the steps that read a whole table, row by row.
	Scans []string
}

// Explain runs f with a store whose reads note their plans first, for the bench
// and for tests of the indexes. f must not write through it.
func (s *Store) Explain(ctx context.Context, f func(s *Store) error) ([]Plan, error) {
	e := &explaining{engine: s.engine}
	twin := *s
	twin.engine = e
	err := f(&twin)
	return e.plans, err
}

type explaining struct {
	engine
	mu    sync.Mutex // reads run side by side
	plans []Plan
}

func (e *explaining) reader() querier { return explainer{querier: e.engine.reader(), to: e} }

type explainer struct {
	querier
	to *explaining
}

func (q explainer) query(ctx context.Context, query string, args ...any) (rowset, error) {
	p := Plan{Query: query}
	var err error
	if q.to.name() == "postgres" {
		err = q.postgres(ctx, &p, args)
	} else {
		err = q.sqlite(ctx, &p, args)
	}
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	q.to.mu.Lock()
	q.to.plans = append(q.to.plans, p)
	q.to.mu.Unlock()
	return q.querier.query(ctx, query, args...)
}

func (q explainer) sqlite(ctx context.Context, p *Plan, args []any) error {
	rows, err := q.querier.query(ctx, "EXPLAIN QUERY PLAN "+p.Query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int64
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			return err
		}
		p.Steps = append(p.Steps, step)
		// "SCAN orders USING INDEX" walks an index in order until the page is full;
		// "SCAN k VIRTUAL TABLE" reads a list of ours; "CO-ROUTINE m" and "SCAN m"
		// read a subquery.
		name, isScan := strings.CutPrefix(step, "SCAN ")
		if isScan && !strings.Contains(name, "INDEX") && !strings.Contains(name, "VIRTUAL TABLE") && !slices.Contains(p.Steps, "CO-ROUTINE "+name) {
			p.Scans = append(p.Scans, step)
		}
	}
	return rows.Err()
}

func (q explainer) postgres(ctx context.Context, p *Plan, args []any) error {
	rows, err := q.querier.query(ctx, "EXPLAIN "+p.Query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			return err
		}
		p.Steps = append(p.Steps, step)
		if strings.Contains(step, "Seq Scan on") {
			p.Scans = append(p.Scans, strings.TrimSpace(step))
		}
	}
	return rows.Err()
}
