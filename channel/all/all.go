// Package all is the one list of channels. A further channel is one folder and
// one line here.
package all
