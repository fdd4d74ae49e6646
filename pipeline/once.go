package pipeline

import "time"

// keepOnce is how long a repeated request is recognised by its Idempotency-Key.
const keepOnce = 30 * 24 * time.Hour
