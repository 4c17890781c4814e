package main

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

// The real servers that the sessions talk to. Each is ended with its script; that it
// answers yet is the script's to wait for, with open --retry.

// startNginx serves the script's directory www and sets HTTP to its port, and HTTPS
// to that of its TLS side when the script has called certify.
func startNginx(ts *testscript.TestScript, _ bool, _ []string) {
	dir := ts.MkAbs(".")
	port := setFreePort(ts, "HTTP")
	tls := ""
	if _, err := os.Stat(dir + "/cert.pem"); err == nil {
		tls = "listen 127.0.0.1:" + setFreePort(ts, "HTTPS") + " ssl; ssl_certificate " + dir + "/cert.pem; ssl_certificate_key " + dir + "/key.pem;\n"
	}
	conf := "daemon off; master_process off; pid " + dir + "/nginx.pid; error_log " + dir + "/error.log;\n" +
		"events {}\nhttp { access_log off; client_body_temp_path " + dir + "/body; proxy_temp_path " + dir + "/proxy;\n" +
		"fastcgi_temp_path " + dir + "/fcgi; uwsgi_temp_path " + dir + "/uwsgi; scgi_temp_path " + dir + "/scgi;\n" +
		"server { listen 127.0.0.1:" + port + "; " + tls + "root " + dir + "/www; } }\n"
	ts.Check(os.WriteFile(dir+"/nginx.conf", []byte(conf), 0o600))
	ts.Check(os.Chmod(dir, 0o755))
	start(ts, "nginx", "-c", dir+"/nginx.conf")
}

// startServer runs a server in the script's directory: serve VAR COMMAND [ARG...],
// where @VAR@ in the arguments is a free port, which VAR is set to.
func startServer(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: serve VAR COMMAND [ARG...]")
	}
	port := setFreePort(ts, args[0])
	line := make([]string, 0, len(args))
	for _, a := range args[1:] {
		line = append(line, strings.ReplaceAll(a, "@"+args[0]+"@", port))
	}
	start(ts, line[0], line[1:]...)
}

func setFreePort(ts *testscript.TestScript, name string) string {
	port, release, err := plugintest.ReservePort()
	ts.Check(err)
	ts.Defer(release)
	ts.Setenv(name, strconv.Itoa(port))
	return strconv.Itoa(port)
}

// start starts a server, in a process group of its own, which ends with the script.
func start(ts *testscript.TestScript, name string, args ...string) {
	cmd := exec.Command(name, args...)
	cmd.Dir = ts.MkAbs(".")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.Create(ts.MkAbs(strings.ReplaceAll(name, "/", "_") + ".log"))
	ts.Check(err)
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	ts.Defer(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		log.Close()
	})
}

// makeCertificate makes cert.pem and key.pem, for localhost.
func makeCertificate(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Exec("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", ts.MkAbs("key.pem"), "-out", ts.MkAbs("cert.pem"), "-days", "30", "-subj", "/CN=localhost",
		"-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"))
}

// makeProxyConfig writes the configuration of tinyproxy and sets PROXY to its port.
func makeProxyConfig(ts *testscript.TestScript, _ bool, args []string) {
	conf := "Port " + setFreePort(ts, "PROXY") + "\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 30\nMaxClients 10\n"
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(conf), 0o600))
}
