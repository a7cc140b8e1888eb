module effect-session/test/beego

go 1.20

require github.com/beego/beego/v2 v2.3.5
