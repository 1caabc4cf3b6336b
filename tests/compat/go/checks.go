package main

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// patience is the longest that anything in a case may take before it counts as not happening.
const patience = 20 * time.Second

// must fails the case when there is an error.
func must(err error, what string) {
	if err != nil {
		panic(fmt.Sprintf("%s: %v", what, err))
	}
}

// got is the value that came without an error.
func got[T any](value T, err error) T {
	must(err, "unexpected error")
	return value
}

func equal[T any](expected, found T, what string) {
	if !reflect.DeepEqual(expected, found) {
		panic(fmt.Sprintf("%s: expected %v, found %v", what, expected, found))
	}
}

func holds(condition bool, what string) {
	if !condition {
		panic("does not hold: " + what)
	}
}

// fails is for what must end with this error.
func fails(expected, found error, what string) {
	if !errors.Is(found, expected) {
		panic(fmt.Sprintf("%s: expected error %v, found %v", what, expected, found))
	}
}

// until asks again until the condition holds.
func until(what string, condition func() bool) {
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			panic("does not come to hold: " + what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// consecutive are the numbers from first on.
func consecutive(first int64, count int) []int64 {
	numbers := make([]int64, count)
	for place := range numbers {
		numbers[place] = first + int64(place)
	}
	return numbers
}
