package main

import (
	"fmt"
	"strconv"

	"miletus/circuits/keys"
	"miletus/circuits/keys/ceremony"
)

// ceremonyStep is a step of a ceremony: a command of its own.
type ceremonyStep struct {
	name, arguments, help string
	count                 int // of arguments
	run                   func(e *environment, c *ceremony.Ceremony, arguments []string) error
}

var ceremonySteps = []ceremonyStep{
	{"begin", "FOLDER POWER", "an empty ceremony for circuits of at most 2^POWER constraints", 2, nil},
	{"powers", "FOLDER NAME", "contribute to phase 1 as NAME", 2, contributePowers},
	{"finish-powers", "FOLDER BEACON", "check and end phase 1 with a public random value", 2, finishPowers},
	{"begin-circuit", "FOLDER CIRCUIT", "begin phase 2 of a circuit", 2, beginCircuit},
	{"circuit", "FOLDER CIRCUIT NAME", "contribute to phase 2 of a circuit as NAME", 3, contributeCircuit},
	{"finish-circuit", "FOLDER CIRCUIT BEACON", "check everything, end phase 2 and write the keys", 3, finishCircuit},
	{"verify", "FOLDER CIRCUIT", "check everything again, and the key that is here", 2, verifyCeremony},
}

func runCeremony(e *environment, arguments []string) error {
	for i := range ceremonySteps {
		step := &ceremonySteps[i]
		if len(arguments) == 0 || step.name != arguments[0] {
			continue
		}
		if len(arguments) != 1+step.count {
			return fmt.Errorf("usage: prover ceremony %s %s", step.name, step.arguments)
		}
		if step.run == nil {
			return beginCeremony(arguments[1], arguments[2])
		}
		c, err := ceremony.Open(arguments[1])
		if err != nil {
			return err
		}
		c.Say = e.say
		return step.run(e, c, arguments[2:])
	}
	for _, step := range ceremonySteps {
		fmt.Fprintf(e.err, "  prover ceremony %-40s %s\n", step.name+" "+step.arguments, step.help)
	}
	return errUsage
}

func beginCeremony(folder, power string) error {
	number, err := strconv.Atoi(power)
	if err != nil {
		return fmt.Errorf("ceremony: the power %q is no number", power)
	}
	_, err = ceremony.Begin(folder, number)
	return err
}

func contributePowers(e *environment, c *ceremony.Ceremony, arguments []string) error {
	contribution, err := c.ContributePowers(arguments[0])
	if err != nil {
		return err
	}
	return e.print(contribution)
}

func finishPowers(_ *environment, c *ceremony.Ceremony, arguments []string) error {
	return c.FinishPowers(arguments[0])
}

func beginCircuit(e *environment, c *ceremony.Ceremony, arguments []string) error {
	system, err := e.system(arguments[0])
	if err != nil {
		return err
	}
	return c.BeginCircuit(system)
}

func contributeCircuit(e *environment, c *ceremony.Ceremony, arguments []string) error {
	system, err := e.system(arguments[0])
	if err != nil {
		return err
	}
	contribution, err := c.ContributeCircuit(system, arguments[1])
	if err != nil {
		return err
	}
	return e.print(contribution)
}

func finishCircuit(e *environment, c *ceremony.Ceremony, arguments []string) error {
	system, err := e.system(arguments[0])
	if err != nil {
		return err
	}
	made, err := c.FinishCircuit(system, arguments[1])
	if err != nil {
		return err
	}
	if err := e.prover.Store.Write(system, made); err != nil {
		return err
	}
	line, err := describe(system, made)
	if err != nil {
		return err
	}
	return e.print(line)
}

func verifyCeremony(e *environment, c *ceremony.Ceremony, arguments []string) error {
	system, err := e.system(arguments[0])
	if err != nil {
		return err
	}
	made, err := c.Verify(system)
	if err != nil {
		return err
	}
	line, err := describe(system, made)
	if err != nil {
		return err
	}
	here, err := e.export(arguments[0])
	if err == nil && here.KeyHash != line.KeyHash {
		return fmt.Errorf("%w: the ceremony made the key %s of %s, and the one here is %s", keys.ErrOther, line.KeyHash, system.Name, here.KeyHash)
	}
	return e.print(line)
}
