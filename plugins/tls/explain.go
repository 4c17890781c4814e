package tls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

// failed is an error of the handshake in plain words, with what to do.
func failed(hint, format string, args ...any) error {
	return &sdk.Error{Op: "tls handshake", Err: fmt.Errorf(format, args...), Hint: hint}
}

// explain says why a handshake failed.
func (s *side) explain(err error, r *records) error {
	peer := "server"
	if s.server {
		peer = "client"
	}
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		record  tls.RecordHeaderError
		remote  *net.OpError
	)
	switch {
	case errors.As(err, &record) && r.seenN > 0 && r.seen[0] != 0x15 && r.seen[0] != 0x16:
		hint := "perhaps it speaks plain text, or wants STARTTLS first"
		if s.server {
			hint = "perhaps it speaks plain text"
		}
		return failed(hint, "the %s's first bytes are no TLS record: %q", peer, r.seen[:r.seenN])
	case errors.As(err, &unknown):
		issuer := "an authority"
		if unknown.Cert != nil {
			issuer = bounded(fmt.Sprintf("%q", unknown.Cert.Issuer.String()))
		}
		return failed("ca=FILE names the authorities to trust; verify=off takes any certificate",
			"the %s's certificate is signed by %s, which is not trusted here", peer, issuer)
	case errors.As(err, &name):
		good := "no name"
		if n := names(name.Certificate); n != "" {
			good = strings.ReplaceAll(n, ",", ", ")
		}
		return failed("host=NAME says whom to expect; verify=off takes any certificate",
			"the server's certificate is not for %s but for %s", name.Host, good)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		c := invalid.Cert
		if time.Now().Before(c.NotBefore) {
			return failed("is this machine's clock right? verify=off takes any certificate",
				"the %s's certificate is not valid before %s", peer, c.NotBefore.UTC().Format(time.RFC3339))
		}
		return failed("verify=off takes any certificate",
			"the %s's certificate expired at %s", peer, c.NotAfter.UTC().Format(time.RFC3339))
	case errors.As(err, &remote) && remote.Op == "remote error":
		return refused(peer, remote)
	case errors.Is(err, sdk.Truncated):
		hint := "perhaps it does not speak TLS, or wants STARTTLS first"
		if s.server {
			hint = "a client that does not like the certificate may hang up so"
		}
		return &sdk.Error{Op: "tls handshake", Hint: hint,
			Err: sdk.Faultf(sdk.Truncated, "the %s ended the stream in the handshake", peer)}
	case strings.Contains(err.Error(), "tls: "):
		return failed("", "%s", plain(err))
	}
	return err
}

// hints are what to do about some alerts (RFC 8446, section 6.2), by crypto/tls's
// words for them.
var hints = []struct{ alert, hint string }{
	{"certificate required", "cert=FILE key=FILE is the certificate to show"},
	{"bad certificate", "it does not like our certificate, or wants one: cert=FILE key=FILE"},
	{"unknown certificate authority", "it does not trust who signed our certificate: a client takes ca=FILE, or does not check"},
	{"no application protocol", "alpn=LIST offers others"},
	{"protocol version not supported", "min= and max= choose the versions"},
	{"unrecognized name", "host=NAME asks for another"},
	{"handshake failure", "no version, cipher or certificate suits both: min=, max=, cert="},
}

// refused is an alert of the peer.
func refused(peer string, alert *net.OpError) error {
	text, hint := plain(alert.Err), ""
	for _, h := range hints {
		if strings.Contains(text, h.alert) {
			hint = h.hint
		}
	}
	return failed(hint, "the %s refused: %s", peer, text)
}

// later is an error after the handshake. In TLS 1.3 the server judges the client's
// certificate only then.
func (c *conn) later(err error) error {
	var remote *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &remote) && remote.Op == "remote error":
		if c.server {
			return refused("client", remote)
		}
		return refused("server", remote)
	case strings.HasPrefix(err.Error(), "tls: "):
		return sdk.Faultf(sdk.Malformed, "what came is no proper TLS: %s", plain(err))
	}
	return err
}

// plain is crypto/tls's text without its prefix.
func plain(err error) string { return bounded(strings.ReplaceAll(err.Error(), "tls: ", "")) }
