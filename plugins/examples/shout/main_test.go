package main

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk/conform"
	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M) { plugintest.Main(m, newShout) }

// What is said arrives as it is only where it is in capitals already.
func TestConformance(t *testing.T) { plugintest.RunHow(t, newShout, conform.How{Text: true}) }
