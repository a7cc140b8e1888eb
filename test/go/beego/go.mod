module effect-session/test/beego

go 1.20

require github.com/beego/beego/v2 v2.3.5

require (
	filippo.io/edwards25519 v1.1.0 // indirect
	github.com/bradfitz/gomemcache v0.0.0-20190913173617-a41fca850d0b // indirect
	github.com/cespare/xxhash/v2 v2.2.0 // indirect
	github.com/dgryski/go-rendezvous v0.0.0-20200823014737-9f7001d12a5f // indirect
	github.com/go-sql-driver/mysql v1.8.1 // indirect
	github.com/lib/pq v1.10.5 // indirect
	github.com/redis/go-redis/v9 v9.5.1 // indirect
)
