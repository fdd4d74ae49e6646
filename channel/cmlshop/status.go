package cmlshop

import (
	"fmt"
	"strings"

	"github.com/orderhub/orderhub"
)

// wordCancelled is the native word of an order whose file says «Отменен»: engines
// keep the cancellation beside their status.
const wordCancelled = "Отменен=true"

// wordNone is the native word of an order whose file names no status: some
// modules send none.
const wordNone = "без статуса"

// statuses translates the words that engines bring along. A shop's own words come
// from the setting status_words; the rest is kept and shown, and the order becomes
// unknown.
//
// Every step is told: the hub decides, the headline moves at once, and the shop
// gets a document as 1C would send it.
var statuses = orderhub.StatusTable{
	Native: append([]orderhub.NativeStatus{
		native("N", orderhub.StatusNew, "1C-Bitrix: accepted, waits for the payment or not: the payment is told apart"),
		native("P", orderhub.StatusNew, "1C-Bitrix: paid, nobody has worked it yet"),
		native("DN", orderhub.StatusConfirmed, "1C-Bitrix: waits for its delivery"),
		native("DF", orderhub.StatusShipped, "1C-Bitrix: its shipment has left"),
		native("F", orderhub.StatusDelivered, "1C-Bitrix: done"),
		native(wordCancelled, orderhub.StatusCancelled, "the requisite, whatever the status says"),
		native(wordNone, orderhub.StatusNew, "the file names no status"),
	}, named(map[orderhub.Status][]string{
		orderhub.StatusPending:   {"Ожидает оплаты", "Ожидание оплаты", "Не оплачен"},
		orderhub.StatusNew:       {"Новый", "Новый заказ", "Принят", "Открыт", "Оплачен", "Принят, ожидается оплата", "Оплачен, формируется к отправке"},
		orderhub.StatusConfirmed: {"Подтвержден", "Подтверждён", "В обработке", "Обрабатывается", "Обработка", "В работе"},
		orderhub.StatusPacked:    {"Собран", "Комплектуется", "Укомплектован", "Готов к отправке", "К отгрузке"},
		orderhub.StatusShipped:   {"Отправлен", "Отгружен", "Передан в доставку", "Доставляется", "В пути"},
		orderhub.StatusReadyForPickup: {
			"Готов к выдаче", "Ожидает в пункте выдачи", "Прибыл в пункт выдачи",
		},
		orderhub.StatusDelivered: {"Выполнен", "Завершен", "Завершён", "Доставлен", "Сделка завершена"},
		orderhub.StatusCancelled: {"Отменен", "Отменён", "Отмена", "Аннулирован", "Отклонен", "Отклонён"},
		orderhub.StatusReturned:  {"Возврат", "Возвращен", "Возвращён"},
	})...),
	Steps: []orderhub.Step{
		tell(orderhub.StatusNew), tell(orderhub.StatusConfirmed), tell(orderhub.StatusPacked), tell(orderhub.StatusShipped),
		tell(orderhub.StatusReadyForPickup), tell(orderhub.StatusDelivered), tell(orderhub.StatusCancelled),
	},
}

func native(word string, s orderhub.Status, note string) orderhub.NativeStatus {
	return orderhub.NativeStatus{Scheme: orderhub.SchemeSite, Word: word, Sub: "*", Status: s, Note: note}
}

func named(table map[orderhub.Status][]string) []orderhub.NativeStatus {
	var out []orderhub.NativeStatus
	for _, s := range orderhub.Statuses() {
		for _, word := range table[s] {
			out = append(out, native(word, s, ""))
		}
	}
	return out
}

func tell(to orderhub.Status) orderhub.Step {
	return orderhub.Step{
		Scheme: orderhub.SchemeSite, To: to, Kind: orderhub.StepTell,
		Call: "type=sale mode=file", Note: "the shop gets the order's document as 1C would send it",
	}
}

// words are a shop's own words for statuses.
type words struct {
	in  map[string]orderhub.Status
	out map[orderhub.Status]string
}

// maxWords caps the setting.
const maxWords = 100

// parseWords reads «В сборке=confirmed; DN=shipped».
func parseWords(text string) (words, error) {
	w := words{in: map[string]orderhub.Status{}, out: map[orderhub.Status]string{}}
	for _, pair := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		i := strings.LastIndex(pair, "=")
		if i < 0 {
			return w, fmt.Errorf("%.60q has no «=»; allowed: pairs like «Собран=packed», with semicolons between them", pair)
		}
		word := strings.TrimSpace(pair[:i])
		s, err := orderhub.ParseStatus(strings.TrimSpace(pair[i+1:]))
		if err != nil || word == "" || s == orderhub.StatusUnknown {
			return w, fmt.Errorf("%.60q: allowed: a word of the shop, «=» and a status of the hub, like «Собран=packed»", pair)
		}
		if _, ok := w.in[fold(word)]; ok {
			return w, fmt.Errorf("%.60q stands twice", word)
		}
		w.in[fold(word)] = s
		if w.out[s] == "" {
			w.out[s] = word
		}
	}
	if len(w.in) > maxWords {
		return w, fmt.Errorf("%d words; allowed: up to %d", len(w.in), maxWords)
	}
	return w, nil
}

// translate finds the status of a word: the shop's own first, then the table.
func (w words) translate(word string) (orderhub.Status, bool) {
	if s, ok := w.in[fold(word)]; ok {
		return s, true
	}
	if s, ok := statuses.Lookup(orderhub.SchemeSite, word, ""); ok {
		return s, true
	}
	for _, n := range statuses.Native {
		if fold(n.Word) == fold(word) {
			return n.Status, true
		}
	}
	return orderhub.StatusUnknown, false
}

func fold(word string) string { return strings.ToLower(strings.TrimSpace(word)) }
