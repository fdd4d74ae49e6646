package orderhub

import "time"

// FileKind is where files are exchanged.
type FileKind string

// The kinds.
const (
	FileFolder FileKind = "folder"
	FileSFTP   FileKind = "sftp"
)

// FileExchangeState is whether files are exchanged.
type FileExchangeState string

// The states of an exchange of files.
const (
	FilesActive  FileExchangeState = "active"
	FilesPaused  FileExchangeState = "paused"
	FilesRemoved FileExchangeState = "removed"
)

// FileExchange is a folder, here or on a server, by which files of orders go out and
// files of stock and statuses come in.
type FileExchange struct {
	ID       int64
	Name     string
	Kind     FileKind
	State    FileExchangeState
	Settings FileSettings // stored encrypted
	// Position is the last event whose order was written out.
	Position int64
	NextAt   time.Time
	RanAt    time.Time
	// Error is what went wrong last, FailingSince since when; "" = it goes.
	Error        string
	FailingSince time.Time
	CreatedAt    time.Time
}

// FileSettings say how files are exchanged.
type FileSettings struct {
	// Every is the pause between two looks, in minutes.
	Every int `json:"every"`
	// Orders is the format of files of orders: csv, xlsx, json; "" = none go out.
	Orders string `json:"orders,omitempty"`
	// Personal: files of orders in JSON carry the buyer's data.
	Personal bool `json:"personal,omitempty"`
	// Folder is below the folder of exchanges, or on the server.
	Folder string `json:"folder,omitempty"`
	// Address, User, Password, Key and HostKey are of an SFTP server.
	Address  string `json:"address,omitempty"`
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`
	Key      string `json:"key,omitempty"`
	HostKey  string `json:"host_key,omitempty"`
}

// ExchangedState is how far a file has come.
type ExchangedState string

// The states of a file.
const (
	ExchangedBegan    ExchangedState = "began"
	ExchangedApplied  ExchangedState = "applied" // not moved away yet
	ExchangedArchived ExchangedState = "archived"
	ExchangedFailed   ExchangedState = "failed" // nothing of it was applied
)

// ExchangedFile is a file that came in or went out.
type ExchangedFile struct {
	ID         int64          `json:"id"`
	ExchangeID int64          `json:"exchange"`
	Name       string         `json:"name"`
	Out        bool           `json:"out"`
	Digest     string         `json:"-"`
	State      ExchangedState `json:"state" enum:"began,applied,archived,failed"`
	Rows       int64          `json:"rows"`
	Bad        int64          `json:"bad"`
	Error      string         `json:"problem,omitempty"`
	// Report holds the bad rows, until they are written beside the file, then the first.
	Report     []BadFileRow `json:"report,omitempty" doc:"The first of the bad rows; all are in the folder errors."`
	CreatedAt  time.Time    `json:"created_at"`
	FinishedAt time.Time    `json:"finished_at,omitzero"`
}

// BadFileRow is a row of a file that was not taken.
type BadFileRow struct {
	Line   int64  `json:"line,omitempty"` // 0 = the file as a whole
	Column string `json:"column,omitempty"`
	Why    string `json:"why" personal:"text"` // it quotes what stands there
}
