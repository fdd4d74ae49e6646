// Package orderhub is the domain of the order hub: orders, lines, money, the
// status machine, events, effects and accounts. Every other package speaks in
// these types.
//
// It imports the standard library only, does no I/O, keeps no state and knows
// no marketplace: words of a channel arrive here already translated (package
// channel), rows are read and written elsewhere (package store), and what
// happens to an order, and when, is decided in package pipeline.
package orderhub
