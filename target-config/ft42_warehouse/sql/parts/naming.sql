SELECT {row} FROM erased AS e JOIN {landed} AS l ON {names}
