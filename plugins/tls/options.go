package tls

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

var options = []sdk.Option{
	{Name: "host", Type: sdk.StringOption, Help: "the server's name: sent to it (SNI), and what its certificate must name; the host given to open without it"},
	{Name: "alpn", Type: sdk.StringOption, Help: "application protocols offered or taken, best first, with commas: h2,http/1.1"},
	{Name: "ca", Type: sdk.PathOption, Help: "certificates (PEM) of the authorities that are trusted instead of the system's"},
	{Name: "cert", Type: sdk.PathOption, Help: "own certificate and chain (PEM): a server's, or a client's"},
	{Name: "key", Type: sdk.PathOption, Help: "its private key (PEM); in the file of cert without it"},
	{Name: "selfsigned", Type: sdk.BoolOption, Default: "off", Help: "a server makes itself a certificate, which nobody else knows"},
	{Name: "verify", Type: sdk.BoolOption, Default: "on", Help: "check the peer's certificate; off takes any, also an attacker's"},
	{Name: "server", Type: sdk.StringOption, Default: "auto", Help: "our side: on is the server, off the client; auto is the server where the peer connected to us"},
	{Name: "clientauth", Type: sdk.StringOption, Default: "none", Help: "a server and the client's certificate: none, request, or require"},
	{Name: "min", Type: sdk.StringOption, Default: "1.2", Help: "oldest version: 1.0, 1.1, 1.2 or 1.3"},
	{Name: "max", Type: sdk.StringOption, Default: "1.3", Help: "newest version"},
	{Name: "resume", Type: sdk.BoolOption, Default: "off", Help: "resume an earlier session with the same peer and options, and let clients do so"},
	{Name: "keylog", Type: sdk.PathOption, Help: "file to add the session's secrets to, for Wireshark; SSLKEYLOGFILE of the environment without it"},
}

// side is one end's configuration.
type side struct {
	server    bool
	config    *tls.Config
	unchecked bool   // the peer's certificate is not checked
	note      string // what the user must hear
	closers   []io.Closer
}

func (s *side) close() {
	for _, c := range s.closers {
		c.Close()
	}
}

func (l *layer) side(below net.Conn, req sdk.LayerRequest) (*side, error) {
	o := req.Options
	s := &side{config: &tls.Config{}}
	var err error
	s.server, err = isServer(o.Text("server"), req.Accepted)
	if err == nil {
		s.config.MinVersion, err = version("min", o)
	}
	if err == nil {
		s.config.MaxVersion, err = version("max", o)
	}
	if err == nil && s.config.MinVersion > s.config.MaxVersion {
		err = sdk.Faultf(sdk.Usage, "min=%s is newer than max=%s", o.Text("min"), o.Text("max"))
	}
	if err == nil {
		err = s.protocols(o.Text("alpn"))
	}
	if err == nil {
		err = s.certificates(o, below)
	}
	if err != nil {
		return nil, err
	}
	s.unchecked = !o.Bool("verify")
	if s.server {
		err = s.clientAuth(o.Text("clientauth"))
	} else {
		err = s.name(o, req.Host)
	}
	if err == nil {
		err = s.logKeys(o.Text("keylog"))
	}
	if err != nil {
		return nil, err
	}
	l.resume(s, o)
	return s, nil
}

func isServer(word string, accepted bool) (bool, error) {
	switch word {
	case "auto":
		return accepted, nil
	case "on", "off":
		return word == "on", nil
	}
	return false, sdk.Faultf(sdk.Usage, "server is on, off or auto, not %q", word)
}

var versions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func version(name string, o sdk.OptionValues) (uint16, error) {
	v, ok := versions[o.Text(name)]
	if !ok {
		return 0, sdk.Faultf(sdk.Usage, "%s is a version of TLS: 1.0, 1.1, 1.2 or 1.3, not %q", name, o.Text(name))
	}
	return v, nil
}

// protocols is the list of ALPN (RFC 7301): names of 1 to 255 bytes.
func (s *side) protocols(list string) error {
	if list == "" {
		return nil
	}
	total := 0
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p == "" || len(p) > 255 {
			return sdk.Faultf(sdk.Usage, "alpn is names of 1 to 255 bytes with commas between, not %q", list)
		}
		total += len(p) + 1
		s.config.NextProtos = append(s.config.NextProtos, p)
	}
	if total > 65535 {
		return sdk.Faultf(sdk.Usage, "alpn is %d bytes: 65535 are the most", total)
	}
	return nil
}

func (s *side) certificates(o sdk.OptionValues, below net.Conn) error {
	if file := o.Text("ca"); file != "" {
		pem, err := readFile(file)
		if err != nil {
			return sdk.Faultf(sdk.Usage, "ca: %v", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return sdk.Faultf(sdk.Usage, "ca: %s has no certificate in PEM form", file)
		}
		s.config.RootCAs, s.config.ClientCAs = pool, pool
	}
	cert, key := o.Text("cert"), o.Text("key")
	switch {
	case o.Bool("selfsigned") && cert != "":
		return sdk.Faultf(sdk.Usage, "cert=FILE and selfsigned=on exclude each other")
	case o.Bool("selfsigned"):
		c, err := selfSigned(o.Text("host"), below.LocalAddr())
		s.config.Certificates = []tls.Certificate{c}
		return err
	case cert == "" && key != "":
		return sdk.Faultf(sdk.Usage, "key without cert=FILE")
	case cert == "" && s.server:
		return &sdk.Error{Op: "tls", Err: sdk.Faultf(sdk.Usage, "a server needs a certificate"),
			Hint: "cert=FILE key=FILE, or selfsigned=on; to be the client on an accepted connection, server=off"}
	case cert == "":
		return nil
	case key == "":
		key = cert
	}
	certPEM, err := readFile(cert)
	if err != nil {
		return sdk.Faultf(sdk.Usage, "cert: %v", err)
	}
	keyPEM, err := readFile(key)
	if err != nil {
		return sdk.Faultf(sdk.Usage, "key: %v", err)
	}
	c, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return sdk.Faultf(sdk.Usage, "cert=%s key=%s: %s", cert, key, plain(err))
	}
	s.config.Certificates = []tls.Certificate{c}
	return nil
}

// maxFile bounds a file of certificates in bytes: a system's whole list has 250 KB.
const maxFile = 4 << 20

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = fmt.Errorf("%s: %w", at.Path, at.Err)
		}
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	return b, err
}

// clientAuth is what a server wants of the client.
func (s *side) clientAuth(word string) error {
	switch {
	case word == "none":
		s.unchecked = false // there is nothing to check
		return nil
	case word == "request" && s.unchecked:
		s.config.ClientAuth = tls.RequestClientCert
	case word == "request":
		s.config.ClientAuth = tls.VerifyClientCertIfGiven
	case word == "require" && s.unchecked:
		s.config.ClientAuth = tls.RequireAnyClientCert
	case word == "require":
		s.config.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return sdk.Faultf(sdk.Usage, "clientauth is none, request or require, not %q", word)
	}
	return nil
}

// name is whom a client speaks to.
func (s *side) name(o sdk.OptionValues, opened string) error {
	host := o.Text("host")
	if host == "" {
		host = opened
	}
	host, _, _ = strings.Cut(strings.Trim(host, "[]"), "%") // no certificate names a zone
	if len(host) > 255 {
		return sdk.Faultf(sdk.Usage, "host has %d bytes: 255 are the most", len(host))
	}
	s.config.ServerName, s.config.InsecureSkipVerify = host, s.unchecked
	if host == "" && !s.unchecked {
		return &sdk.Error{Op: "tls", Err: sdk.Faultf(sdk.Usage, "the server's name is not known, so that its certificate cannot be checked"),
			Hint: "host=NAME, or verify=off; on a connection that you accepted to be the server, server=on"}
	}
	return nil
}

func (s *side) logKeys(file string) error {
	asked := file != ""
	if !asked {
		if file = os.Getenv("SSLKEYLOGFILE"); file == "" {
			return nil
		}
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	switch {
	case err == nil:
		s.config.KeyLogWriter = f
		s.closers = append(s.closers, f)
	case asked:
		return sdk.Faultf(sdk.Usage, "keylog: %v", err)
	default:
		s.note = fmt.Sprintf("SSLKEYLOGFILE: %v", err)
	}
	return nil
}

// resume lets sessions go on. A session belongs to the options that it was made
// with: one that verify=off made must not vouch for anybody else.
func (l *layer) resume(s *side, o sdk.OptionValues) {
	switch {
	case !o.Bool("resume"):
		s.config.SessionTicketsDisabled = true
	case s.server:
		s.config.SetSessionTicketKeys([][32]byte{l.tickets})
	default:
		h := sha256.New()
		for _, name := range []string{"ca", "cert", "key", "verify", "alpn", "min", "max"} {
			fmt.Fprintf(h, "%q", o.Text(name))
		}
		s.config.ClientSessionCache = ownSessions{l.sessions, string(h.Sum(nil))}
	}
}

// ownSessions are the sessions of certain options.
type ownSessions struct {
	all   tls.ClientSessionCache
	whose string
}

func (o ownSessions) Get(key string) (*tls.ClientSessionState, bool) { return o.all.Get(o.whose + key) }
func (o ownSessions) Put(key string, s *tls.ClientSessionState)      { o.all.Put(o.whose+key, s) }
