package wbsim

import (
	"net/http"
	"time"
)

// ping is GET /ping.
func (m *Market) ping(c *call) *reply {
	return answer(http.StatusOK, map[string]string{"TS": c.now.Format(time.RFC3339), "Status": "OK"})
}

// sellerInfo is GET /api/v1/seller-info.
func (m *Market) sellerInfo(*call) *reply {
	return answer(http.StatusOK, map[string]string{
		"name": "ИП Симулятор", "sid": sellerID, "tin": "000000000000", "tradeMark": "Simulated Shop",
	})
}

type warehouseWire struct {
	ID           int64  `json:"id"`
	Name         string `json:"name"`
	OfficeID     int64  `json:"officeId"`
	CargoType    int    `json:"cargoType"`
	DeliveryType int    `json:"deliveryType"`
	IsDeleting   bool   `json:"isDeleting"`
	IsProcessing bool   `json:"isProcessing"`
}

var warehouses = []warehouseWire{
	{ID: MainWarehouse, Name: "Основной", OfficeID: 15, CargoType: 1, DeliveryType: 1},
	{ID: SecondWarehouse, Name: "Второй", OfficeID: 16, CargoType: 1, DeliveryType: 1},
	{ID: DBSWarehouse, Name: "Своя доставка", OfficeID: 15, CargoType: 1, DeliveryType: 2},
}

func knownWarehouse(id int64) bool { return officeOf(id) != 0 }

// officeOf is the WB office that a warehouse of the seller belongs to.
func officeOf(warehouse int64) int64 {
	for _, w := range warehouses {
		if w.ID == warehouse {
			return w.OfficeID
		}
	}
	return 0
}

// listWarehouses is GET /api/v3/warehouses.
func (m *Market) listWarehouses(*call) *reply { return answer(http.StatusOK, warehouses) }
