// app is a web app on beego's sessions, as a team has it that puts an Effect app beside it. It prints the URL that it serves.
//
//	app PROVIDER JSON   as session.NewManager(PROVIDER, JSON)
package main

import (
	"encoding/gob"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/beego/beego/v2/server/web/session"
	_ "github.com/beego/beego/v2/server/web/session/memcache"
	_ "github.com/beego/beego/v2/server/web/session/mysql"
	_ "github.com/beego/beego/v2/server/web/session/postgres"
	_ "github.com/beego/beego/v2/server/web/session/redis"
	_ "github.com/beego/beego/v2/server/web/session/redis_cluster"
	_ "github.com/beego/beego/v2/server/web/session/redis_sentinel"
)

// Plan is of this app alone: the Effect app knows neither the field nor the type.
type Plan struct {
	Name   string
	Seats  int32
	Roles  []string
	Limits map[string]uint8
}

// regenerates has the providers on which a session keeps its data under a new id: redis_cluster's is empty then, cookie's is nil,
// and memcache panics.
var regenerates = map[string]bool{"file": true, "mysql": true, "postgresql": true, "redis": true, "redis_sentinel": true}

type app struct {
	sessions    *session.Manager
	regenerates bool
}

func main() {
	// What an app must do to read these in a process that has not written one yet.
	gob.Register(time.Time{})
	gob.Register(Plan{})

	provider, config := os.Args[1], session.ManagerConfig{}
	if err := json.Unmarshal([]byte(os.Args[2]), &config); err != nil {
		log.Fatal(err)
	}
	sessions, err := session.NewManager(provider, &config)
	if err != nil {
		log.Fatal(err)
	}
	go sessions.GC()

	a := app{sessions, regenerates[provider]}
	http.HandleFunc("/login", a.login)
	http.HandleFunc("/logout", a.logout)
	http.HandleFunc("/me", a.with(me))
	http.HandleFunc("/since", a.with(since))
	http.HandleFunc("/visits", a.with(visits))
	http.HandleFunc("/plan", a.with(plan))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, nil))
}

// with answers what handle says. The session is released before, since beego's cookie leaves with the headers.
func (a app) with(handle func(s session.Store, r *http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := a.sessions.SessionStart(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer := handle(s, r)
		s.SessionRelease(r.Context(), w)
		io.WriteString(w, answer)
	}
}

// login gives the session a new id, as controller.SessionRegenerateID does: what was released is kept.
func (a app) login(w http.ResponseWriter, r *http.Request) {
	s, err := a.sessions.SessionStart(w, r)
	if err == nil && a.regenerates {
		s.SessionRelease(r.Context(), w)
		s, err = a.sessions.SessionRegenerateID(w, r)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	s.Set(r.Context(), "username", r.URL.Query().Get("username"))
	s.Set(r.Context(), "loginAt", time.Now())
	s.Set(r.Context(), "plan", Plan{"gold", 3, []string{"owner", "admin"}, map[string]uint8{"projects": 7}})
	s.SessionRelease(r.Context(), w)
	io.WriteString(w, "signed in")
}

func (a app) logout(w http.ResponseWriter, r *http.Request) {
	a.sessions.SessionDestroy(w, r)
	io.WriteString(w, "signed out")
}

func me(s session.Store, r *http.Request) string {
	username, ok := s.Get(r.Context(), "username").(string)
	if !ok {
		return "anonymous"
	}
	return username
}

// since says when the visitor signed in, in Unix seconds.
func since(s session.Store, r *http.Request) string {
	loginAt, ok := s.Get(r.Context(), "loginAt").(time.Time)
	if !ok {
		return "never"
	}
	return fmt.Sprint(loginAt.Unix())
}

func visits(s session.Store, r *http.Request) string {
	count, _ := s.Get(r.Context(), "visits").(int)
	s.Set(r.Context(), "visits", count+1)
	return fmt.Sprint(count + 1)
}

func plan(s session.Store, r *http.Request) string {
	plan, ok := s.Get(r.Context(), "plan").(Plan)
	if !ok {
		return "none"
	}
	return fmt.Sprintf("%+v", plan)
}
