"""Numbers, amounts, dates, times and answers as people speak them, and back into words."""
