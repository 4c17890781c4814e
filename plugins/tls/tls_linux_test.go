package tls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sosh-shell/sosh/plugins/sdk"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
	"github.com/sosh-shell/sosh/plugins/tls"
)

func TestMain(m *testing.M) { plugintest.Main(m, tls.New) }

// authority signs certificates for a test.
type authority struct {
	tb   testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	File string // its certificate
}

func newAuthority(tb testing.TB, name string) *authority {
	a := &authority{tb: tb, dir: tb.TempDir()}
	a.cert = &x509.Certificate{Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	a.File, _ = a.issue("ca", a.cert)
	return a
}

// leaf is a certificate for localhost and 127.0.0.1, unless edit says otherwise.
func (a *authority) leaf(name string, edit func(*x509.Certificate)) (cert, key string) {
	c := &x509.Certificate{Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if edit != nil {
		edit(c)
	}
	return a.issue(name, c)
}

func (a *authority) issue(name string, c *x509.Certificate) (cert, key string) {
	a.tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.tb, err)
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	if a.key == nil {
		a.key = k
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &k.PublicKey, a.key)
	must(a.tb, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	must(a.tb, err)
	cert, key = filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
	must(a.tb, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	must(a.tb, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return cert, key
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// settings are options as NAME VALUE pairs.
func settings(pairs ...string) (out []sdk.Setting) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, sdk.Setting{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

func TestConformance(t *testing.T) {
	ca := newAuthority(t, "test authority")
	cert, key := ca.leaf("server", nil)
	for _, version := range []string{"1.2", "1.3"} {
		t.Run(version, func(t *testing.T) {
			plugintest.RunLayer(t, tls.New, plugintest.LayerTest{
				Client: settings("ca", ca.File, "min", version, "max", version),
				Server: settings("cert", cert, "key", key),
				Host:   "localhost",
				OwnEnd: true,
			})
		})
	}
}
