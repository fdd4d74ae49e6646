package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/orderhub/orderhub"
	"github.com/orderhub/orderhub/notify"
	"github.com/orderhub/orderhub/pipeline"
)

// notifyFlags say how people are told.
type notifyFlags struct {
	PublicURL      string `help:"Where people open the hub, for links in messages." placeholder:"URL" env:"ORDERHUB_PUBLIC_URL" name:"public-url"`
	TelegramToken  string `help:"The token of your Telegram bot; without it nobody can be told there." placeholder:"TEXT" env:"ORDERHUB_TELEGRAM_TOKEN" name:"telegram-token"`
	TelegramServer string `help:"Another Bot API server than Telegram's own." placeholder:"URL" env:"ORDERHUB_TELEGRAM_SERVER" name:"telegram-server"`
	SMTPHost       string `help:"The mail server that takes the hub's e-mail; without it none is sent." placeholder:"HOST" env:"ORDERHUB_SMTP_HOST" name:"smtp-host"`
	SMTPPort       int    `help:"Its port." default:"587" env:"ORDERHUB_SMTP_PORT" name:"smtp-port"`
	SMTPUser       string `help:"The user it knows the hub by." placeholder:"TEXT" env:"ORDERHUB_SMTP_USER" name:"smtp-user"`
	SMTPPassword   string `help:"The user's password." placeholder:"TEXT" env:"ORDERHUB_SMTP_PASSWORD" name:"smtp-password"`
	SMTPFrom       string `help:"The address that e-mail comes from." placeholder:"ADDRESS" env:"ORDERHUB_SMTP_FROM" name:"smtp-from"`
	SMTPTLS        string `help:"starttls, tls (port 465) or none (a server on this machine)." default:"starttls" env:"ORDERHUB_SMTP_TLS" name:"smtp-tls"`
}

// options makes the senders that are set up.
func (f notifyFlags) options() (pipeline.NotifyOptions, error) {
	out := pipeline.NotifyOptions{PublicURL: f.PublicURL, Senders: map[orderhub.RecipientKind]notify.Sender{}}
	for field, address := range map[string]string{"public-url": f.PublicURL, "telegram-server": f.TelegramServer} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "") {
			return out, orderhub.InvalidField(field, "want an address like https://hub.example.org")
		}
	}
	if f.TelegramToken != "" {
		// Longer than a question for updates is held open.
		bot := notify.NewTelegram(f.TelegramToken, f.TelegramServer, &http.Client{Timeout: 45 * time.Second})
		out.Bot, out.Senders[orderhub.RecipientTelegram] = bot, bot
	}
	if f.SMTPHost != "" {
		mail, err := notify.NewMail(notify.SMTP{
			Host: f.SMTPHost, Port: f.SMTPPort, User: f.SMTPUser, Password: f.SMTPPassword, From: f.SMTPFrom, TLS: notify.TLSMode(f.SMTPTLS),
		})
		if err != nil {
			return out, err
		}
		out.Senders[orderhub.RecipientEmail] = mail
	}
	return out, nil
}
