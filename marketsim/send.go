package marketsim

import "time"

// SendFault picks the fault of one message that a simulator sends by itself,
// without a Notifier: lost, duplicated or late by delay. A sender with an outbox
// sends a lost message again.
func (in *Injector) SendFault(kind string) (fault Fault, delay time.Duration) {
	return in.notification(kind)
}

// Faults is what goes wrong at present.
func (in *Injector) Faults() Faults {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.faults
}
