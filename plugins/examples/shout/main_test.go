package main

import (
	"testing"

	"github.com/sosh-shell/sosh/plugins/sdk/plugintest"
)

func TestMain(m *testing.M)        { plugintest.Main(m, newShout) }
func TestConformance(t *testing.T) { plugintest.Run(t, newShout) }
