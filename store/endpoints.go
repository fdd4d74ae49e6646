package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/orderhub/orderhub"
)

const endpointColumns = `id, name, url, state, filter, personal, secrets, after_event, failures, failing_since, next_at, error, delivered_at,
	created_by, created_at`

// SaveEndpoint writes an endpoint; one without an id is new and gets it. Events that
// are there already are not for a new one.
func (tx *Tx) SaveEndpoint(ctx context.Context, e *orderhub.Endpoint) error {
	filter, err := json.Marshal(e.Filter)
	if err != nil {
		return fmt.Errorf("encode endpoint: %w", err)
	}
	fresh := e.ID == 0
	if fresh {
		ids, err := tx.q.nextIDs(ctx, "webhook_endpoints", 1)
		if err != nil {
			return fmt.Errorf("save endpoint: %w", err)
		}
		e.ID, e.CreatedAt = ids[0], tx.s.Now().Truncate(time.Microsecond)
		if e.AfterEvent, err = lastEvent(ctx, tx.q); err != nil {
			return err
		}
	}
	plain, err := json.Marshal(e.Secrets) //nolint:gosec // it is encrypted in the next step
	if err != nil {
		return fmt.Errorf("encode endpoint: %w", err)
	}
	values := []any{e.Name, e.URL, string(e.State), string(filter), flag(e.Personal), tx.s.sealer.seal(plain, endpointContext(e.ID)), e.AfterEvent, e.Failures,
		micros(e.FailingSince), micros(e.NextAt), e.Error, micros(e.DeliveredAt), e.CreatedBy, micros(e.CreatedAt), micros(tx.s.Now()), e.ID}
	if fresh {
		_, err = tx.q.exec(ctx, `INSERT INTO webhook_endpoints (name, url, state, filter, personal, secrets, after_event, failures, failing_since, next_at,
			error, delivered_at, created_by, created_at, updated_at, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, values...)
	} else {
		_, err = tx.q.exec(ctx, `UPDATE webhook_endpoints SET name = ?, url = ?, state = ?, filter = ?, personal = ?, secrets = ?, after_event = ?, failures = ?,
			failing_since = ?, next_at = ?, error = ?, delivered_at = ?, created_by = ?, created_at = ?, updated_at = ? WHERE id = ?`, values...)
	}
	if err != nil {
		return fmt.Errorf("save endpoint: %w", err)
	}
	return nil
}

func endpointContext(id int64) string { return "endpoint " + strconv.FormatInt(id, 10) }

// Endpoints lists those that were not removed, by id.
func (s *Store) Endpoints(ctx context.Context) ([]orderhub.Endpoint, error) {
	return s.readEndpoints(ctx, s.engine.reader(), "WHERE state <> 'removed' ORDER BY id")
}

// Endpoints lists those that were not removed, inside the transaction.
func (tx *Tx) Endpoints(ctx context.Context) ([]orderhub.Endpoint, error) {
	return tx.s.readEndpoints(ctx, tx.q, "WHERE state <> 'removed' ORDER BY id")
}

// Endpoint reads one that was not removed.
func (s *Store) Endpoint(ctx context.Context, id int64) (orderhub.Endpoint, error) {
	return oneEndpoint(id)(s.readEndpoints(ctx, s.engine.reader(), "WHERE id = ? AND state <> 'removed'", id))
}

// LockEndpoint reads one that was not removed, and locks it until the commit.
func (tx *Tx) LockEndpoint(ctx context.Context, id int64) (orderhub.Endpoint, error) {
	return oneEndpoint(id)(tx.s.readEndpoints(ctx, tx.q, "WHERE id = ? AND state <> 'removed'"+tx.q.lock(), id))
}

func oneEndpoint(id int64) func([]orderhub.Endpoint, error) (orderhub.Endpoint, error) {
	return func(list []orderhub.Endpoint, err error) (orderhub.Endpoint, error) {
		if err == nil && len(list) == 0 {
			err = orderhub.Errorf(orderhub.CodeNotFound, "there is no endpoint %d", id)
		}
		if err != nil {
			return orderhub.Endpoint{}, err
		}
		return list[0], nil
	}
}

func (s *Store) readEndpoints(ctx context.Context, q querier, where string, args ...any) ([]orderhub.Endpoint, error) {
	rows, err := q.query(ctx, "SELECT "+endpointColumns+" FROM webhook_endpoints "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read endpoints: %w", err)
	}
	defer rows.Close()
	var out []orderhub.Endpoint
	for rows.Next() {
		var e orderhub.Endpoint
		var state, filter string
		var personal, failing, next, delivered, created int64
		var sealed []byte
		if err := rows.Scan(&e.ID, &e.Name, &e.URL, &state, &filter, &personal, &sealed, &e.AfterEvent, &e.Failures, &failing, &next, &e.Error, &delivered,
			&e.CreatedBy, &created); err != nil {
			return nil, fmt.Errorf("read endpoints: %w", err)
		}
		e.State, e.Personal = orderhub.EndpointState(state), personal == 1
		e.FailingSince, e.NextAt, e.DeliveredAt, e.CreatedAt = fromMicros(failing), fromMicros(next), fromMicros(delivered), fromMicros(created)
		if err := json.Unmarshal([]byte(filter), &e.Filter); err != nil {
			return nil, fmt.Errorf("read endpoint %d: %w", e.ID, err)
		}
		plain, err := s.sealer.open(sealed, endpointContext(e.ID))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(plain, &e.Secrets); err != nil {
			return nil, fmt.Errorf("read endpoint %d: %w", e.ID, err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// RemoveEndpoint forgets an endpoint's address, its secrets and all that it was told.
func (tx *Tx) RemoveEndpoint(ctx context.Context, e orderhub.Endpoint) error {
	e.State, e.URL, e.Secrets = orderhub.EndpointRemoved, "", nil
	if err := tx.SaveEndpoint(ctx, &e); err != nil {
		return err
	}
	if _, err := tx.q.exec(ctx, "DELETE FROM webhook_deliveries WHERE endpoint_id = ?", e.ID); err != nil {
		return fmt.Errorf("remove endpoint: %w", err)
	}
	return nil
}
