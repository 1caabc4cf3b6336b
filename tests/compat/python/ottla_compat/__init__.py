"""What a Python program does with a broker through confluent-kafka, as cases with a name each.

In reading order: `__main__` runs one case, `cases` is the register, `lab` is what every case needs,
and the modules named `*_cases` hold the cases.
"""
