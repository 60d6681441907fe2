package serve

import (
	"encoding/json"
	"net/http"
	"time"
)

// control returns the control API:
//
//	POST   /faults    adds faults: a list of Fault
//	DELETE /faults    drops all faults
//	GET    /requests  returns the counts by operation
//	DELETE /requests  begins to count anew
//	GET    /uploads   returns the open uploads: a list of OpenUpload
//	POST   /clock     sets the clock: {"seconds": ahead of the true time}
func (d *Desk) control(uploads func() []OpenUpload) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var faults []Fault
		if receive(w, r, &faults) {
			if err := d.AddFaults(faults...); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		d.ClearFaults()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, _ *http.Request) { send(w, d.Counts()) })
	mux.HandleFunc("DELETE /requests", func(w http.ResponseWriter, _ *http.Request) {
		d.ResetCounts()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /uploads", func(w http.ResponseWriter, _ *http.Request) {
		open := uploads()
		if open == nil {
			open = []OpenUpload{}
		}
		send(w, open)
	})
	mux.HandleFunc("POST /clock", func(w http.ResponseWriter, r *http.Request) {
		var clock struct {
			Seconds float64 `json:"seconds"`
		}
		if receive(w, r, &clock) {
			d.SetClock(time.Duration(clock.Seconds * float64(time.Second)))
			w.WriteHeader(http.StatusNoContent)
		}
	})
	return mux
}

func receive(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func send(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that is gone needs no answer
}
