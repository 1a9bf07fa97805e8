"""The normal form of index terms, on which the kernel's every proof rests: TRUSTED.

polynomial.py the data; laws.py arithmetic, exp and log; signs.py what is positive and
what must be; sums.py contractions and the moving of indices; normal_form.py terms, definitions,
inverses and derivatives; hypotheses.py facts and rewrite rules. Each builds on those before it.
"""
