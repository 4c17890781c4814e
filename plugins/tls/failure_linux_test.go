package tls_test

import (
	"context"
	ctls "crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// against is what a client gets that meets a server of these options.
func against(t *testing.T, server []sdk.Setting, host string, client ...string) (c, s *end, cerr, serr error) {
	t.Helper()
	a, d := tcp(t)
	t.Cleanup(func() { a.Close(); d.Close() })
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, serr = wrap(t, a, sdk.WrapRequest{Accepted: true, Options: server})
	}()
	c, cerr = wrap(t, d, sdk.WrapRequest{Host: host, Options: settings(client...)})
	<-done
	return c, s, cerr, serr
}

// says checks an error's words and its hint's.
func says(t *testing.T, err error, text, hint string) {
	t.Helper()
	var at *sdk.Error
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%v; it should say %q", err, text)
	} else if hint != "" && (!errors.As(err, &at) || !strings.Contains(at.Hint, hint)) {
		t.Errorf("%v: the hint should say %q: %+v", err, hint, at)
	}
}

func TestFailedHandshakesSayWhy(t *testing.T) {
	ca, other := newAuthority(t, "test authority"), newAuthority(t, "another authority")
	serve := func(edit func(*x509.Certificate), more ...string) []sdk.Setting {
		cert, key := ca.leaf("server", edit)
		return settings(append([]string{"cert", cert, "key", key}, more...)...)
	}
	t.Run("unknown authority", func(t *testing.T) {
		_, _, err, serr := against(t, serve(nil), "localhost", "ca", other.File)
		says(t, err, `signed by "CN=test authority"`, "ca=FILE")
		says(t, serr, "the client refused: bad certificate", "")
	})
	t.Run("another name", func(t *testing.T) {
		_, _, err, _ := against(t, serve(nil), "example.com", "ca", ca.File)
		says(t, err, "not for example.com but for localhost, 127.0.0.1", "host=NAME")
	})
	t.Run("expired", func(t *testing.T) {
		_, _, err, _ := against(t, serve(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), "localhost", "ca", ca.File)
		says(t, err, "expired at 20", "verify=off")
	})
	t.Run("not yet valid", func(t *testing.T) {
		_, _, err, _ := against(t, serve(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}), "localhost", "ca", ca.File)
		says(t, err, "not valid before", "clock")
	})
	t.Run("no common version", func(t *testing.T) {
		_, _, err, _ := against(t, serve(nil, "max", "1.2"), "localhost", "ca", ca.File, "min", "1.3")
		says(t, err, "the server refused: protocol version not supported", "min=")
	})
	t.Run("no common protocol", func(t *testing.T) {
		_, _, err, _ := against(t, serve(nil, "alpn", "h2"), "localhost", "ca", ca.File, "alpn", "sosh")
		says(t, err, "no application protocol", "alpn=")
	})
	t.Run("a client without a certificate", func(t *testing.T) {
		c, _, err, serr := against(t, serve(nil, "clientauth", "require", "ca", ca.File), "localhost", "ca", ca.File)
		says(t, serr, "client didn't provide a certificate", "")
		must(t, err) // in TLS 1.3 it learns of it later
		_, err = c.reason()
		says(t, err, "the server refused: certificate required", "cert=FILE")
	})
	t.Run("plain text", func(t *testing.T) {
		a, d := tcp(t)
		defer a.Close()
		defer d.Close()
		io.WriteString(a, "220 mail.example ESMTP\r\n")
		_, err := wrap(t, d, sdk.WrapRequest{Host: "localhost"})
		says(t, err, `first bytes are no TLS record: "220 mail`, "STARTTLS")
	})
	t.Run("a hang-up", func(t *testing.T) {
		a, d := tcp(t)
		defer d.Close()
		go func() {
			io.ReadFull(a, make([]byte, 100))
			a.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, a)
			a.Close()
		}()
		_, err := wrap(t, d, sdk.WrapRequest{Host: "localhost"})
		says(t, err, "the server ended the stream in the handshake", "STARTTLS")
		if !errors.Is(err, sdk.Truncated) {
			t.Errorf("%v is not truncated", err)
		}
	})
	t.Run("a reset", func(t *testing.T) {
		a, d := tcp(t)
		defer d.Close()
		a.(*net.TCPConn).SetLinger(0)
		a.Close()
		_, err := wrap(t, d, sdk.WrapRequest{Host: "localhost"})
		if !errors.Is(err, sdk.Reset) {
			t.Errorf("%v is no reset", err)
		}
	})
	t.Run("a silent server", func(t *testing.T) {
		a, d := tcp(t)
		defer a.Close()
		f, err := d.(*net.TCPConn).File()
		must(t, err)
		d.Close()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			io.ReadFull(a, make([]byte, 100))
			cancel()
		}()
		_, err = newProtocol().Wrap(ctx, sdk.WrapRequest{FD: dup(t, f), Kind: sdk.Stream, Host: "localhost"})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	for _, c := range []struct {
		accepted bool
		options  []sdk.Setting
		says     string
	}{
		{false, nil, "name is not known"},
		{true, nil, "a server needs a certificate"},
		{true, settings("cert", cert), "rather than a key"},
		{true, settings("cert", "/no/such/file"), "/no/such/file: no such file"},
		{true, settings("cert", "file"), "whole path"},
		{true, settings("key", key), "key without cert"},
		{true, settings("cert", cert, "key", key, "selfsigned", "on"), "exclude each other"},
		{true, settings("cert", cert, "key", key, "clientauth", "maybe"), "clientauth is none"},
		{false, settings("ca", key, "host", "x"), "no certificate in PEM"},
		{false, settings("min", "1.4"), "not \"1.4\""},
		{false, settings("min", "1.3", "max", "1.2"), "newer than"},
		{false, settings("alpn", "a,,b"), "alpn is names"},
		{false, settings("server", "perhaps"), "server is on, off or auto"},
		{false, settings("host", strings.Repeat("a", 256)), "255 are the most"},
		{false, settings("host", "x", "keylog", "/no/such/dir/log"), "keylog: "},
	} {
		a, d := tcp(t)
		_, err := wrap(t, d, sdk.WrapRequest{Accepted: c.accepted, Options: c.options})
		says(t, err, c.says, "")
		if !errors.Is(err, sdk.Usage) {
			t.Errorf("%v is not wrong usage", err)
		}
		d.Close()
		if n, _ := a.Read(make([]byte, 1)); n > 0 {
			t.Errorf("%v: something was sent", c.options)
		}
		a.Close()
	}
}

func TestUncheckedCertificateIsSaidLoudly(t *testing.T) {
	c, s, err, serr := against(t, settings("selfsigned", "on"), "", "verify", "off")
	must(t, err)
	must(t, serr)
	c.above.WriteString("x")
	s.expect("x")
	if f := c.facts(); f["verified"] != "off" || !strings.Contains(f["warning"], "not checked") {
		t.Errorf("%v", f)
	}
	if f := s.facts(); f["warning"] != "" {
		t.Errorf("the server has nothing to warn of: %v", f)
	}
}

func TestSessionsAreResumedWhenAskedFor(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	pair, err := ctls.LoadX509KeyPair(cert, key)
	must(t, err)
	config := &ctls.Config{Certificates: []ctls.Certificate{pair}}
	p := newProtocol()
	for turn, want := range []string{"off", "on"} {
		a, d := tcp(t)
		server := ctls.Server(a, config)
		go func() {
			io.WriteString(server, "hi")
			server.Close()
		}()
		f, err := d.(*net.TCPConn).File()
		must(t, err)
		h, err := p.Wrap(t.Context(), sdk.WrapRequest{FD: dup(t, f), Kind: sdk.Stream, Host: "localhost",
			Options: settings("ca", ca.File, "resume", "on")})
		must(t, err)
		e := holdEnd(t, p, h)
		if got, err := e.reason(); got != "hi" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if got := e.facts()["resumed"]; got != want {
			t.Errorf("connection %d: resumed=%s", turn+1, got)
		}
		d.Close()
	}
}
