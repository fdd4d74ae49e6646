package orderhub

import "slices"

// Permission is one thing that a caller may do.
type Permission string

// The permissions. A new one is added to Permissions and to the roles below.
const (
	OrdersRead     Permission = "orders.read"
	OrdersWork     Permission = "orders.work"   // confirm, hold, cancel, send an effect again
	OrdersIntake   Permission = "orders.intake" // send in orders and hold carts, as the shop's own site does
	StockRead      Permission = "stock.read"    // goods, listings and figures
	StockWork      Permission = "stock.work"    // change figures by papers and counts
	ProductsManage Permission = "products.manage"
	ReturnsRead    Permission = "returns.read"
	ReturnsReceive Permission = "returns.receive"
	ReturnsDecide  Permission = "returns.decide" // what becomes of the goods
	ReturnsAnswer  Permission = "returns.answer" // agree to or refuse a claim: money
	CustomersRead  Permission = "customers.read"
	CustomersWork  Permission = "customers.work"  // notes and tags, join and part buyers' cards
	CustomersErase Permission = "customers.erase" // erase a buyer's data: it does not come back
	PersonalData   Permission = "personal_data"   // buyers' names, phones and addresses unmasked
	AccountsRead   Permission = "accounts.read"
	AccountsManage Permission = "accounts.manage" // keys of sellers' accounts, and the address of their webhooks
	InboxRead      Permission = "inbox.read"      // what channels answered, as it came
	InboxWork      Permission = "inbox.work"
	RulesRead      Permission = "rules.read"
	RulesManage    Permission = "rules.manage" // who is told of what
	UsersManage    Permission = "users.manage"
	TokensManage   Permission = "tokens.manage"
	SettingsManage Permission = "settings.manage"
	AuditRead      Permission = "audit.read"
)

// Permissions lists all permissions.
var Permissions = []Permission{
	OrdersRead, OrdersWork, OrdersIntake, StockRead, StockWork, ProductsManage, ReturnsRead, ReturnsReceive, ReturnsDecide, ReturnsAnswer,
	CustomersRead, CustomersWork, CustomersErase, PersonalData, AccountsRead, AccountsManage, InboxRead, InboxWork, RulesRead, RulesManage, UsersManage, TokensManage,
	SettingsManage, AuditRead,
}

// Role is what a person does in the shop.
type Role string

// The roles.
const (
	RoleOwner      Role = "owner"
	RoleManager    Role = "manager"
	RoleWarehouse  Role = "warehouse"
	RoleAccountant Role = "accountant"
	RoleViewer     Role = "viewer"
)

// Roles lists all roles.
var Roles = []Role{RoleOwner, RoleManager, RoleWarehouse, RoleAccountant, RoleViewer}

// rolePermissions is the permission table. Which operation of the API needs which
// permission stands in api/permissions.go.
var rolePermissions = map[Role][]Permission{
	RoleOwner: Permissions,
	RoleManager: {
		OrdersRead, OrdersWork, OrdersIntake, StockRead, StockWork, ProductsManage, ReturnsRead, ReturnsReceive, ReturnsDecide, ReturnsAnswer,
		CustomersRead, CustomersWork, PersonalData, AccountsRead, InboxRead, InboxWork, RulesRead, RulesManage,
	},
	// Packs, counts and receives; a label says what the parcel needs of the buyer.
	RoleWarehouse:  {OrdersRead, OrdersWork, StockRead, StockWork, ReturnsRead, ReturnsReceive, ReturnsDecide, AccountsRead},
	RoleAccountant: {OrdersRead, StockRead, ReturnsRead, CustomersRead, AccountsRead},
	RoleViewer:     {OrdersRead, StockRead, ReturnsRead, AccountsRead},
}

// Permissions lists what a role may do; an unknown role may do nothing.
func (r Role) Permissions() []Permission { return slices.Clone(rolePermissions[r]) }

// Known tells whether there is such a role.
func (r Role) Known() bool { return slices.Contains(Roles, r) }
