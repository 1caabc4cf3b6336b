package main

// testCase is one thing that a client does, with what must come of it. It panics when that does not.
type testCase func(*lab)

type namedCase struct {
	name string
	run  testCase
}

// allCases are the cases in the order in which they are listed.
func allCases() []namedCase {
	var all []namedCase
	for _, some := range [][]namedCase{
		producerCases(),
		partitionerCases(),
		consumerCases(),
		groupCases(),
		commitCases(),
		topicCases(),
		configCases(),
		offsetCases(),
		groupAdminCases(),
		clusterCases(),
		versionCases(),
		transactionCases(),
	} {
		all = append(all, some...)
	}
	return all
}
