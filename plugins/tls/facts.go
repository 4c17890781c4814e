package tls

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"strings"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
)

var facts = []sdk.Fact{
	{Name: "version", Help: "version of TLS"},
	{Name: "cipher", Help: "cipher suite"},
	{Name: "alpn", Help: "application protocol that both agreed on"},
	{Name: "sni", Help: "name of the server that the client asked for"},
	{Name: "resumed", Help: "on for a session that goes on from an earlier connection"},
	{Name: "verified", Help: "on when the peer's certificate was checked, off when it was not"},
	{Name: "warning", Help: "what is dangerous about this connection"},
	{Name: "peer.subject", Help: "whom the peer's certificate is for"},
	{Name: "peer.issuer", Help: "who signed it"},
	{Name: "peer.notafter", Help: "when it expires, in UTC"},
	{Name: "peer.dns", Help: "the names and addresses that it is good for, with commas"},
	{Name: "peer.sha256", Help: "its SHA-256 digest"},
}

// maxText bounds a fact in bytes: what a certificate says is the peer's.
const maxText = 1024

// Facts implements sdk.FactTeller. They are those of the handshake.
func (c *conn) Facts() []sdk.Setting {
	s := c.state
	var out []sdk.Setting
	add := func(name, value string) {
		if value != "" {
			out = append(out, sdk.Setting{Name: name, Value: bounded(value)})
		}
	}
	add("version", strings.TrimPrefix(tls.VersionName(s.Version), "TLS "))
	add("cipher", tls.CipherSuiteName(s.CipherSuite))
	add("alpn", s.NegotiatedProtocol)
	add("sni", s.ServerName)
	add("resumed", onOff(s.DidResume))
	var warnings []string
	if len(s.PeerCertificates) > 0 {
		add("verified", onOff(len(s.VerifiedChains) > 0))
		if c.unchecked {
			warnings = append(warnings, "the peer's certificate was not checked: it may be anybody's")
		}
	}
	if c.note != "" {
		warnings = append(warnings, c.note)
	}
	add("warning", strings.Join(warnings, "; "))
	if len(s.PeerCertificates) > 0 {
		p := s.PeerCertificates[0]
		sum := sha256.Sum256(p.Raw)
		add("peer.subject", p.Subject.String())
		add("peer.issuer", p.Issuer.String())
		add("peer.notafter", p.NotAfter.UTC().Format(time.RFC3339))
		add("peer.dns", names(p))
		add("peer.sha256", hex.EncodeToString(sum[:]))
	}
	return out
}

// names are whom a certificate is good for.
func names(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return bounded(strings.Join(all, ","))
}

func bounded(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}
