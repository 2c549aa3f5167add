"""One module per vendor: functions, and the table `BEHAVIOURS` that names them by operation.

A module may also have `COMPLETIONS`: for a kind of record, the function that fills in what a
fixture leaves out. A vendor without a module answers every operation with its first documented
success.
"""
