package jobs

import (
	"context"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// HandleError is called by River when a job fails.
func (r *Runner) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	r.opts.Log.Error("job failed", "job", job.ID, "kind", job.Kind, "error", err.Error())
	return nil
}

// HandlePanic is called by River when a job panics; the rows stay due.
func (r *Runner) HandlePanic(_ context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	r.opts.Log.Error("job panicked", "job", job.ID, "kind", job.Kind, "panic", fmt.Sprint(value), "trace", trace)
	return nil
}
