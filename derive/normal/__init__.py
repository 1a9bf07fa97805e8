"""The normal form of index terms, on which the kernel's every proof rests: TRUSTED.

polynomial.py the data; laws.py arithmetic, exp, log, signs and sums; normal_form.py terms, definitions,
inverses and derivatives; hypotheses.py facts and rewrite rules. Each builds on those before it.
"""
