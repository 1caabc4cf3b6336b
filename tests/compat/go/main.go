// What a Go program does with a broker through franz-go, as cases with a name each.
//
// "compat list" prints the names of all cases, one a line. "compat CASE HOST:PORT" runs one against
// a broker: it ends with status 0 and prints nothing, or with status 1 and prints what was wrong. A
// case that hangs is ended with status 1 and the place where each goroutine was.
package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"time"
)

// The longest that one case may take.
const caseTimeMax = 60 * time.Second

func main() {
	os.Exit(run(os.Args[1:]))
}

// run is the exit status.
func run(arguments []string) int {
	if len(arguments) == 1 && arguments[0] == "list" {
		for _, one := range allCases() {
			fmt.Println(one.name)
		}
		return 0
	}
	if len(arguments) != 2 {
		fmt.Fprintln(os.Stderr, "usage: compat list | CASE HOST:PORT")
		return 2
	}
	name, bootstrap := arguments[0], arguments[1]
	for _, one := range allCases() {
		if one.name == name {
			return outcome(one, bootstrap)
		}
	}
	fmt.Fprintf(os.Stderr, "there is no case %s\n", name)
	return 2
}

func outcome(one namedCase, bootstrap string) (status int) {
	time.AfterFunc(caseTimeMax, func() {
		fmt.Printf("no end after %v\n", caseTimeMax)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 1) // the process ends either way
		os.Exit(1)
	})
	lab := newLab(bootstrap)
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Printf("%v\n%s", reason, debug.Stack())
			status = 1
		}
		lab.cancel()
	}()
	one.run(lab)
	return 0
}
