"""The LaTeX reader: (input, expected tree) for each construct, offsets, and that nothing breaks it."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.reader import latex as tex
from derive.reader.latex import BUILTIN_WORDS, Clause, Node, Unread, parse_expression, parse_formula, walk
from derive.reader.tokens import names


def show(node: Node | None) -> str:
    """A tree on one line: (head part …), base'_sub^sup, <( body )>, and fonts and accents after a dot."""
    match node:
        case None:
            return "_"
        case tex.Number(text=text):
            return text
        case tex.Symbol(letter=letter, font=font, accents=accents):
            return ".".join(filter(None, (letter, font, *accents)))
        case tex.Script(base=base, sub=sub, sup=sup, primes=primes):
            body = f"{{{show(base)}}}" if isinstance(base, tex.Script) else show(base)
            below = "" if sub is None else f"_{show(sub)}"
            above = "" if sup is None else f"^{show(sup)}"
            return body + "'" * primes + below + above
        case tex.Commas(items=items):
            return f"({' '.join([',', *map(show, items)])})"
        case tex.Juxtapose(items=items):
            return f"({' '.join(map(show, items))})"
        case tex.Infix(op=op, left=left, right=right) | tex.Relation(op=op, left=left, right=right):
            return f"({op} {show(left)} {show(right)})"
        case tex.Plus(terms=terms):
            return f"({' '.join(sign + show(term) for sign, term in terms)})"
        case tex.Fraction(numerator=numerator, denominator=denominator):
            return f"(frac {show(numerator)} {show(denominator)})"
        case tex.Root(body=body, degree=degree):
            return f"(root {show(body)} {show(degree)})"
        case tex.Accent(accent=accent, body=body):
            return f"({accent} {show(body)})"
        case tex.Fence(open=opening, close=closing, body=body):
            return f"<{opening} {show(body)} {closing}>"
        case tex.Evaluation(body=body, condition=condition):
            return f"(at {show(body)} {show(condition)})"
        case tex.Big(op=op, sub=sub, sup=sup, body=body):
            return f"({op} {show(sub)} {show(sup)} {show(body)})"
        case tex.Annotated(body=body, annotation=annotation):
            return f"(note {show(body)} {show(annotation)})"
        case tex.Matrix(rows=rows, delimiter=delimiter):
            return f"(matrix{delimiter} {' ; '.join(' '.join(map(show, row)) for row in rows)})"
        case tex.Cases(rows=cases):
            return f"(cases {' ; '.join(map(show, cases))})"
        case tex.Case(value=value, condition=condition):
            return " if ".join([show(value), *map(show, condition)])
        case tex.Text(content=content):
            return repr(content)
        case tex.Dots():
            return "..."
        case Unread(message=message, expected=expected):
            return f"UNREAD({message}; {expected})"
        case Clause(first=first, links=links, texts=texts):
            chain = [] if first is None else [show(first)]
            chain += [f"{link.relation} {show(link.node)}" for link in links]
            return " ".join([*map(show, texts), *chain])
    raise TypeError(node)


def clauses(text: str, words: frozenset[str] = BUILTIN_WORDS) -> list[str]:
    """The clauses of a formula, each on one line after its separator."""
    return [f"{clause.separator}: {show(clause)}" for clause in parse_formula(text, words)]


EXPRESSIONS = {
    "numbers, letters and words": [
        ("2", "2"),
        ("0.5", "0.5"),
        ("10{,}000", "10000"),
        (r"\theta", r"\theta"),
        ("Wx", "(W x)"),
        ("W x", "(W x)"),
        ("2x", "(2 x)"),
        ("trAB", "(tr A B)"),
        ("tr a A", "(tr a A)"),
        ("diag(x)", "(diag <( x )>)"),
        ("x^Tlogy", "(x^T log y)"),
        ("softmax", "softmax"),
        ("logsumexp(x)", "(logsumexp <( x )>)"),
        ("expo", "(exp o)"),
        ("e xp", "(e x p)"),
        (r"\log \exp \det \tanh", "(log exp det tanh)"),
        (r"\diag(x)", "(diag <( x )>)"),
        (r"\unknown x", r"(\unknown x)"),
        (r"\partial \nabla \infty \ell", r"(\partial \nabla \infty \ell)"),
        (r"\triangledown f", r"(\nabla f)"),
        (r"\R^n", "R.bb^n"),
        ("n!", "(n !)"),
    ],
    "fonts": [
        (
            r"\mathbf{w} \boldsymbol w \bm{w} {\bf w} \pmb{w} \textbf{w}",
            "(w.bold w.bold w.bold w.bold w.bold w.bold)",
        ),
        (r"\mathcal{L} \mathbb{R} \mathfrak g \mathit{loss}", "(L.cal R.bb g.frak loss.it)"),
        (
            r"\mathrm{softmax} \operatorname{tr} \text{softmax} \mathop{\rm tr}",
            "(softmax.rm tr.rm softmax.rm tr.rm)",
        ),
        (r"\operatorname*{arg\,max} \operatorname{log-sum-exp}", "(argmax.rm log-sum-exp.rm)"),
        (r"\mathrm{d}x {\rm d}x", "(d.rm x d.rm x)"),
        (r"x^\mathsf T y^{\text{T}} z^\mathrm{T}", "(x^T.rm y^T.rm z^T.rm)"),
        (r"\mathrm{Softmax+CrossEntropy Loss}", "(+Softmax.rm +(CrossEntropy.rm Loss.rm))"),
        (r"\mathrm{log}q", "(log.rm q)"),
        (r"\mathbf{AX}", "(A.bold X.bold)"),
        (r"2\mathbf{AX}B", "(2 A.bold X.bold B)"),
        (r"\boldsymbol{a^Tx}", "(a.bold^T x.bold)"),
        (r"\mathbf{s_{i} - y_{i}}", "(+s.bold_i -y.bold_i)"),
        (r"\boldsymbol{\phi(\boldsymbol{x}_n)}", r"(\phi.bold <( x.bold_n )>)"),
        (r"\boldsymbol{ab}^T", "(a.bold b.bold)^T"),
        (r"\mathbf{1} \mathbb 1 \boldsymbol{0} \mathrm{2}", "(1.bold 1.bb 0.bold 2)"),
    ],
    "accents": [
        (r"\hat{y} \widehat y \tilde x \bar{x} \vec e_i \dot x", "(y.hat y.hat x.tilde x.bar e.vec_i x.dot)"),
        (r"\hat{\mathbf{y}}_i", "y.bold.hat_i"),
        (r"\hat{y_i}", "y.hat_i"),
        (r"\vec 1", "1.vec"),
        (r"\overline{x + y}", "(bar (+x +y))"),
        (r"\hat{AB}", "(hat (A B))"),
    ],
    "scripts": [
        ("x_i^{(n)}", "x_i^<( n )>"),
        ("{x}_i^2", "x_i^2"),
        ("w^{[l]}", "w^<[ l ]>"),
        ("x'_i x_i' f''(x)", "(x'_i x'_i f'' <( x )>)"),
        (r"\sigma'^L f^{\prime} f^{\prime\prime} X^{\prime T}", r"(\sigma'^L f' f'' X'^T)"),
        ("x^{a}^{b}", "{x^a}^b"),
        ("x_i_j", "{x_i}_j"),
        ("x^10", "(x^1 0)"),
        ("a_{ij} a_{i,j} a_{12} a_{i(j)}", "(a_(i j) a_(, i j) a_12 a_(i <( j )>))"),
        ("e^z_{i(j)} e^{z_i}", "(e_(i <( j )>)^z e^z_i)"),
        (r"P^-_{k} P^{-\top}_k X^+ w^* X^{-1} x^{\ast}", r"(P_k^- P_k^(-\top) X^+ w^* X^(-1) x^*)"),
        (
            r"(T_{n,:})^T A_{:,j} A_{i:} x_{<t} x^{\odot 2}",
            r"(<( T_(, n :) )>^T A_(, : j) A_(i :) x_(< t) x^(\odot 2))",
        ),
        (r"x^{\{i\}} a^{[l](i)}", "(x^<{ i }> a^(<[ l ]> <( i )>))"),
        (
            r"\nabla_\mathbf{w} L \nabla_{A^T} f \partial_{o_j} l",
            r"(\nabla_w.bold L \nabla_A^T f \partial_o_j l)",
        ),
        ("{AB}^T", "(A B)^T"),
        ("-{y}{_{k}}", "(-y_k)"),
        (r"\sum\limits_i x", "(sum i _ x)"),
        ("x^{ }", "x"),
    ],
    "sums and products": [
        ("a + b - c", "(+a +b -c)"),
        ("-y^T x", "(-(y^T x))"),
        (r"a \pm b", r"(+a \pmb)"),
        ("a - -b", "(+a -(-b))"),
        (r"a \cdot b \times c", r"(\times (\cdot a b) c)"),
        (r"a \cdot -\frac12 x", r"(\cdot a (-((frac 1 2) x)))"),
        ("2*x .* y", "(.* (* 2 x) y)"),
        ("a/b c", "(/ a (b c))"),
        (r"x \odot y \circ z \otimes w", r"(\otimes (\circ (\odot x y) z) w)"),
        ("{a+b}c", "(+a +(b c))"),
        (r"\log{(1+e^\eta)}", r"(log <( (+1 +e^\eta) )>)"),
        (r"1\{i=j\} [i=j] \mathbf 1_{i=j} 1_c", "(1 <{ (= i j) }> <[ (= i j) ]> 1.bold_(= i j) 1_c)"),
        (r"a \ b \, c \; d ~ e", "(a b c d e)"),
    ],
    "fractions and roots": [
        (r"\frac12 \frac ab \frac 1n \tfrac{a}{b}", "((frac 1 2) (frac a b) (frac 1 n) (frac a b))"),
        (r"\frac \partial {\partial\theta_j} x", r"((frac \partial (\partial \theta_j)) x)"),
        (r"\frac{\partial}{{\partial z}}", r"(frac \partial (\partial z))"),
        (r"\frac\mathbf{a}\hat b", "(frac a.bold b.hat)"),
        (r"{dX \over dt} y", "((frac (d X) (d t)) y)"),
        (r"\frac{a+b}{\frac{c}{d}}", "(frac (+a +b) (frac c d))"),
        (r"\sqrt{x} \sqrt 2x \sqrt[3]{x+1}", "((root x _) (root 2 _) x (root (+x +1) 3))"),
    ],
    "fences": [
        (r"f(x, y) \{1, \dots, c\} f()", "(f <( (, x y) )> <{ (, 1 ... c) }> f <( (,) )>)"),
        (
            r"\left( x \right] \big[ y \big] \Biggr( z \Biggr) [0, 1)",
            "(<( x ]> <[ y ]> <( z )> <[ (, 0 1) )>)",
        ),
        (r"\langle u, v \rangle \lfloor x \rfloor", r"(<\langle (, u v) \rangle> <\lfloor x \rfloor>)"),
        (r"\lVert w \lVert_2 \lvert x \rvert", r"(<\| w \|>_2 <| x |>)"),
        (r"\|x\|_2^2 + ||A x-b||^2_2", r"(+<\| x \|>_2^2 +<\| (+(A x) -b) \|>_2^2)"),
        (r"|A||B|(C)", "(<| A |> <| B |> <( C )>)"),
        (r"\nabla_A|A|", r"(\nabla_A <| A |>)"),
        (r"\ln |\det X| + \ln|X^\top X|", r"(+(ln <| (det X) |>) +(ln <| (X^\top X) |>))"),
        (r"\left| a \right| \left\| b \right\|", r"(<| a |> <\| b \|>)"),
        (r"P(a|b) E[x \mid y] D(p||q)", r"(P <( (| a b) )> E <[ (| x y) ]> D <( (\| p q) )>)"),
        (r"P(y=1|x;\theta)", r"(P <( (| (= y 1) (, x \theta)) )>)"),
        (r"\|\cdot\| f(\cdot, x)", r"(<\| \cdot \|> f <( (, \cdot x) )>)"),
        (r"\{x | x > 0\}", "<{ (| x (> x 0)) }>"),
        (r"\phi\big(z\big)", r"(\phi <( z )>)"),
        (
            r"\big(y(1-\phi(z)\big) - \phi(z)\big)x",
            r"(<( (+(y <( (+1 -(\phi <( z )>)) )>) -(\phi <( z )>)) )> x)",
        ),
    ],
    "evaluation": [
        (r"f(x)\Big|_{x=a}", "(at (f <( x )>) (= x a))"),
        (r"a + b\bigg|_{y}", "(+a +(at b y))"),
        (r"\left. \frac{df}{dx} \right|_{x=0}", "(at (frac (d f) (d x)) (= x 0))"),
        (r"F\Big|_a^b", "(at F a)^b"),
    ],
    "sums with a range": [
        (r"\sum_{i=1}^n a_i b_i \cdot c + d", r"(+(sum (= i 1) n (\cdot (a_i b_i) c)) +d)"),
        (r"\frac{1}{m}\sum^m_{i=0} x", "((frac 1 m) (sum (= i 0) m x))"),
        (r"\sum_k^N e \sum_{j\neq i} f", r"(sum k N (e (sum (\neq j i) _ f)))"),
        (r"\sum_{j=1,j\not ={i}}^N y_j", r"(sum (, (= j 1) (\neq j i)) N y_j)"),
        (r"\sum_{i \in S} \sum_{ij} x", r"(sum (\in i S) _ (sum (i j) _ x))"),
        (r"\sum_{\substack{i=1 \\ j \neq i}} x", r"(sum (, (= i 1) (\neq j i)) _ x)"),
        (r"\sum_j - P(j)", "(sum j _ (-(P <( j )>)))"),
        (r"\frac{e_j}{\sum}", r"(frac e_j \sum)"),
        (r"e' \sum - e \sum'", r"(+(e' \sum) -(e \sum'))"),
        (r"\frac{\sum_k}{\sum^2}", r"(frac \sum_k \sum^2)"),
        (r"\prod_{c} y_c^{t_c}", "(prod c _ y_c^t_c)"),
        (r"\int_0^1 f(x) \, dx", "(int 0 1 (f <( x )> d x))"),
        (r"\lim_{x \to 0} f", r"(lim (\to x 0) _ f)"),
        (r"\max(0,x) max(0,z)", "(max <( (, 0 x) )> max <( (, 0 z) )>)"),
        (r"\max_i x_i", "(max i _ x_i)"),
        (r"\arg\min_x f + \underset{x}{\arg\max}\, g", "(+(argmin x _ f) +(argmax x _ g))"),
        (r"\operatorname*{argmax}_\theta L", r"(argmax \theta _ L)"),
        ("∑_i x_i", "(sum i _ x_i)"),
    ],
    "matrices": [
        (r"\begin{bmatrix} 1 & 2 \\ 3 & \end{bmatrix}^T", "(matrix[ 1 2 ; 3 _)^T"),
        (r"\begin{pmatrix} a \\ \vdots \\ z \\ \end{pmatrix}", "(matrix( a ; ... ; z)"),
        (r"\begin{vmatrix} a & b \\ c & d \end{vmatrix}", "(matrix| a b ; c d)"),
        (r"\left[\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}\right]", "(matrix[ 1 2 ; 3 4)"),
        (r"\begin{matrix} 0&...&1 \end{matrix}", "(matrix 0 ... 1)"),
        (r"[0,\cdots, x_j,...,0]^T", "<[ (, 0 ... x_j ... 0) ]>^T"),
    ],
    "cases": [
        (
            r"\begin{cases} 1, & \text{if } i=j \\ 0, & i \neq j \end{cases}",
            r"(cases 1 if 'if' i = j ; 0 if i \neq j)",
        ),
        (
            r"\begin{cases} x & x > 0 \\ 0 & \text{otherwise} \end{cases}",
            "(cases x if x > 0 ; 0 if 'otherwise')",
        ),
        (
            r"\left\{\begin{aligned} a\qquad(i=j)\\ -b\qquad(i\not ={j}) \end{aligned} \right.",
            r"(cases a if i = j ; (-b) if i \neq j)",
        ),
        (
            r"\left\{\begin{matrix} a\qquad when\: i \\ \\ b\quad when\: k \neq i \end{matrix}\right.",
            r"(cases a if 'when' i ; b if 'when' k \neq i)",
        ),
        (r"\left\{ a \quad x>0 \\ b \quad x \le 0 \right.", r"(cases a if x > 0 ; b if x \le 0)"),
        (r"\begin{cases} 1 (i = j) \\ 0 \end{cases}", "(cases 1 if i = j ; 0)"),
        (
            r"\left\{ \begin{array}{ll} 1 & \mbox{if $x>0$} \\ 0 & \mbox{else} \end{array} \right.",
            "(cases 1 if 'if $x>0$' ; 0 if 'else')",
        ),
    ],
    "what only sets the mathematics": [
        (r"\color{red}{x} + \color{blue} y + \textcolor{red}{z}", "(+x +y +z)"),
        (r"\displaystyle \boxed{x} \cancel{y} \fbox{z} \ensuremath{w}", "(x y z w)"),
        (r"\underbrace{AB}_{n \times n} \overbrace{C}^{k}", "(A B C)"),
        (r"a \phantom{xyz} b \label{eq} \nonumber \hspace{3pt} \mathstrut c", "(a b c)"),
        (r"\underset{m\times n}{X} \overset{k}{Y}", r"((note X (\times m n)) (note Y k))"),
        ("a\u200b\ufeff\u00a0b % a comment", "(a b)"),
    ],
    "Unicode": [
        ("∂L/∂θ · ∇f − Σ", r"(+(\cdot (/ (\partial L) (\partial \theta)) (\nabla f)) -\Sigma)"),
        ("x²ᵀ + z₁ + X⁻¹", "(+x^(2 T) +z_1 +X^(-1))"),
        ("ŷ + x̂ + 𝐱 + ℝ", "(+y.hat +x.hat +x.bold +R.bb)"),
        ("Ａ（ｘ，１）", "(A <( (, x 1) )>)"),
        ("a × b ⊙ c", r"(\odot (\times a b) c)"),
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"), [pair for pairs in EXPRESSIONS.values() for pair in pairs], ids=lambda value: value
)
def test_expression(text: str, expected: str) -> None:
    """Each construct has its tree."""
    assert show(parse_expression(text)) == expected


FORMULAS = {
    "chains and rows": [
        ("a = b = c", [": a = b = c"]),
        (r"\begin{aligned} a &= b \\ &= c \end{aligned}", [": a = b", "\\\\: = c"]),
        (r"\begin{align*} a & = & b \\[4pt] & = & c \\ \end{align*}", [": a = b", "\\\\: = c"]),
        (r"\begin{align} a &= b \nonumber \newline c &= d \end{align}", [": a = b", "\\\\: c = d"]),
        (r"\begin{align} & x \\\\ &= y \end{align}", [": x", "\\\\: = y"]),
        (
            r"\begin{equation}\begin{aligned} a &= b \\ &= c \end{aligned}\label{e}\end{equation}",
            [": a = b", "\\\\: = c"],
        ),
        (r"\begin{gather*} a = b \\ c = d \end{gather*}", [": a = b", "\\\\: c = d"]),
        (r"\begin{split} a &= b \end{split}", [": a = b"]),
        (r"x = \begin{aligned}[t] a \\ &= b \end{aligned}", [": x = a", "\\\\: = b"]),
        (r"\begin{array}{lll} a = b \\[8pt] c = d \end{array}", [": a = b", "\\\\: c = d"]),
        (
            r"\begin{align} a &= b & c &= d \\ e &= f && g = h \end{align}",
            [": a = b", "&: c = d", "\\\\: e = f", "&: g = h"],
        ),
        (
            r"\left\{\begin{aligned}&z=Wx+b\\& \hat{y}=s(z) \end{aligned}\right.",
            [": z = (+(W x) +b)", "\\\\: y.hat = (s <( z )>)"],
        ),
        (r"\begin{cases} z = Wx \\ y = s(z) \end{cases}", [": z = (W x)", "\\\\: y = (s <( z )>)"]),
        (r"f = \begin{cases} a = b \\ c = d \end{cases}", [": f = (cases (= a b) ; (= c d))"]),
    ],
    "rows that go on": [
        (r"f &= a \\ &\quad + b \\ &= c", [": f = (+a +b)", "\\\\: = c"]),
        (r"f &= a \\ &\qquad - \, b \\ &\qquad - c.", [": f = (+a -b -c)"]),
        (r"a &= b \\ -c &= d", [": a = b", "\\\\: (-c) = d"]),
        (r"a = b \cdot \\ c", [r": a = (\cdot b c)"]),
        (r"a = \\ b", [": a = b"]),
        (r"a = \\ = b", [": a = b"]),
        (r"a &= \big( b \\ & c \big) \\ &= d", [": a = <( (b c) )>", "\\\\: = d"]),
        (r"a &= \left( b \right. \\ &\left. + c \right)", [": a = <( (+b +c) )>"]),
        (r"a &= \sum_i \\ & x_i", [": a = (sum i _ x_i)"]),
    ],
    "relations": [
        (r"a := b \coloneqq c \triangleq d ≔ e", [": a := b := c := d := e"]),
        (
            r"a \overset{\text{def}}{=} b \stackrel{\textrm{def}}{=} c \stackrel{\triangle}{=} d",
            [": a := b := c := d"],
        ),
        (r"a \overset{(a)}{=} b \stackrel{!}{=} c", [": a = b = c"]),
        (r"a \leq b \geqslant c \approx d \propto e \sim f", [r": a \le b \ge c \approx d \propto e \sim f"]),
        (r"x \in S \subset T", [r": x \in S \subset T"]),
        (r"x \leftarrow y \gets z", [r": x \leftarrow y \leftarrow z"]),
        (r"f: \mathbb{R}^n \to \mathbb{R}", [r": f : R.bb^n \to R.bb"]),
        (r"i \not= j \ne k ≠ l =\not m", [r": i \neq j \neq k \neq l \neq m"]),
        (r"i\not ={}j", [r": i \neq j"]),
        (r"a \not\in S", [r": a \notin S"]),
        (r"\boxed{a = b}", [": a = b"]),
        (r"{\color{red} a = b}", [": a = b"]),
        ("=", [": ="]),
    ],
    "clauses of one row": [
        (
            r"x \in \mathbb{R}^d, W \in \mathbb{R}^{c \times d}",
            [r": x \in R.bb^d", r",: W \in R.bb^(\times c d)"],
        ),
        (r"A, B \in S", [r": (, A B) \in S"]),
        ("0 < x, x < 1", [": 0 < x", ",: x < 1"]),
        (r"a_j = b, \quad i = j", [": a_j = b", ",: i = j"]),
        (r"a = b \qquad (i \neq j)", [": a = b", r"\quad: i \neq j"]),
        (r"x = 1 \qquad y = 2", [": x = 1", r"\quad: y = 2"]),
        (r"x = 1 \hspace{1cm} y = 2", [": x = 1", r"\,: y = 2"]),
        (r"i = 1, 2, \dots, n, x \in S", [r": i = (, 1 2 ... n)", r",: x \in S"]),
        (r"a \in S, x, y \in T", [r": a \in S", r",: (, x y) \in T"]),
        ("y = (1, 2), z = 3.", [": y = <( (, 1 2) )>", ",: z = 3"]),
        (r"a = b \implies c = d \iff e = f", [": a = b", r"\implies: c = d", r"\iff: e = f"]),
        (r"\Rightarrow a = b", [r"\implies: a = b"]),
        (r"\therefore a = b \because c = d", [r"\implies: a = b", r"\because: c = d"]),
        ("X invertible, X + A invertible", [": (X invertible)", ",: ((+X +A) invertible)"]),
        (r"\sigma: \mathbb{R} \to \mathbb{R} elementwise", [r": \sigma : R.bb \to (R.bb elementwise)"]),
        (r"X^TX invertible, x \neq 0", [": (X^T X invertible)", r",: x \neq 0"]),
        ("y = x^2。", [": y = x^2"]),
    ],
    "words and remarks": [
        (r"y = f(x), \qquad (1)", [": '(1)' y = (f <( x )>)"]),
        (r"(2) \quad & y = x", [": '(2)' y = x"]),
        (r"y = x & \text{(3)}", [": '(3)' y = x"]),
        (r"y = x \quad \text{(where $x$ is known)}", [": '(where $x$ is known)' y = x"]),
        (r"y = x \qquad \text{linearity}", [r": '\\text{linearity}' y = x"]),
        (r"y = x \quad(\mathrm{Softmax}定义)", [r": '(\\mathrm{Softmax}定义)' y = x"]),
        (r"y = x \quad \text{if } i = j", [": y = x", "text: 'if' i = j"]),
        (r"y = x \quad \text{for} \; c", [": y = x", "text: 'for' c"]),
        ("y = x when i = j", [": y = x", "text: 'when' i = j"]),
        (r"y = x \quad \forall i", [": y = x", r"text: '\\forall' i"]),
        ("若x=a,那么y=b", [": '若' x = a", "text: '那么' y = b"]),
        ("(1)式&=a", [": (<( 1 )> '式') = a"]),
        (r"\text{cross entropy} = a", [": 'cross entropy' = a"]),
        (r"\text{cross entropy}(y) = a", [": ('cross entropy' <( y )>) = a"]),
        (r"\text{loss} = a", [": loss.rm = a"]),
        (r"\text{where}", [": 'where'"]),
        (r"x \ge 0 \quad s.t. \quad y = 1", [r": x \ge 0", "text: 's.t.' y = 1"]),
        (r"\eqref{a},\eqref{b}", [r": '\\eqref{a}' '\\eqref{b}'"]),
    ],
    "what cannot be read": [
        ("(a = b", [": UNREAD(found (; its closing bracket) = b"]),
        ("a) = b", [": UNREAD(found ); an opening bracket before it) = b"]),
        ("a } = b", [": UNREAD(found }; an opening { before it) = b"]),
        (r"\frac{a = b", [": UNREAD(found {; its closing }) = b"]),
        (r"\left( a = b", [r": UNREAD(found \left(; its \right) = b"]),
        (r"\begin{aligned} a &= b", [r": UNREAD(found \begin{aligned}; its \end) = b"]),
        (r"a \frac = b", [r": UNREAD(found \frac; its arguments) = b"]),
        ("x ^ = y", [": UNREAD(found ^; an exponent) = y"]),
        ("_i = y", [": UNREAD(found _i; something that the index stands at) = y"]),
        ("a = b +", [": a = UNREAD(the expression ends here; a symbol, a number or a bracket)"]),
        (r"a = \cdot b = c", [r": a = UNREAD(found \cdot; a symbol, a number or a bracket) = c"]),
        ("a = = b", [": a = b"]),
        ("a = < b", [": a = UNREAD(nothing stands here; an expression) < b"]),
        ("a = |b", [": a = UNREAD(the expression ends here; a closing |)"]),
        ("np.exp = a", [": UNREAD(found .; mathematics) = a"]),
        ("a = ?", [": a = UNREAD(found ?; mathematics)"]),
        (
            r"y = a \quad b",
            [
                r": y = UNREAD(found \quad; an operator: a wide space between two factors may be a list or a"
                " product)"
            ],
        ),
    ],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [pair for pairs in FORMULAS.values() for pair in pairs],
    ids=[text for pairs in FORMULAS.values() for text, _ in pairs],
)
def test_formula(text: str, expected: list[str]) -> None:
    """Each formula has its clauses."""
    assert clauses(text) == expected


def test_words_are_a_parameter() -> None:
    """A name that the document declares is one symbol, in runs and as a macro."""
    words = BUILTIN_WORDS | {"CE"}
    assert clauses("CE(z)=Loss") == [": (C E <( z )>) = (L o s s)"]
    assert clauses(r"CE(z)=\CE", words) == [": (CE <( z )>) = CE"]


def test_tags() -> None:
    """A tag belongs to its row, inside the environment or behind it."""
    text = r"\begin{align} a &= b \tag{1} \\ &= c \end{align} \tag{2}"
    assert [(clause.row, clause.tag) for clause in parse_formula(text)] == [(0, "1"), (1, "2")]


def test_rows_are_counted_on_the_page() -> None:
    """Empty rows and rows that go on count, so that a row can be found."""
    assert [clause.row for clause in parse_formula(r"a = b \\ + c \\ \\ = d")] == [0, 3]


def test_equality_is_of_structure() -> None:
    """The same formula set differently is the same tree."""
    assert parse_expression(r"\frac{a}{b}") == parse_expression(r"\dfrac a  {b}")
    assert parse_expression("ab") != parse_expression("ba")


@pytest.mark.parametrize(
    ("text", "slices"),
    [
        ("a = b := c", {"a", "b", "c", "= b", ":= c", "a = b := c"}),
        (r"x_i^{(n)}", {r"x_i^{(n)}", "x", "i", "(n)", "n"}),
        (r"\hat{y} z'", {r"\hat{y} z'", r"\hat{y}", "z'", "z"}),
        (r"{AB}^T c", {"{AB}^T c", "{AB}^T", "{AB}", "A", "B", "T", "c"}),
        (r"\mathbf{w}x", {r"\mathbf{w}x", r"\mathbf{w}", "x"}),
        (r"\frac12", {r"\frac12", "1", "2"}),
        (
            r"\sum_{i=1}^n x_i + b",
            {r"\sum_{i=1}^n x_i", "i=1", "i", "1", "n", "x_i", "x", r"\sum_{i=1}^n x_i + b", "b"},
        ),
        ("softmaxx", {"softmaxx", "softmax", "x"}),
        (r"\left( a \right)_k", {r"\left( a \right)_k", r"\left( a \right)", "a", "k"}),
        ("y = {a+b}c", {"y = {a+b}c", "= {a+b}c", "y", "{a+b}c", "a", "b}c", "b", "c"}),
    ],
)
def test_offsets(text: str, slices: set[str]) -> None:
    """Every node knows what its author wrote; the sides of a relation never cut a pair of braces."""
    found = {text[node.start : node.end] for clause in parse_formula(text) for node in walk(clause)}
    assert found == slices


def test_positions_of_relations() -> None:
    """A link knows where its sign stands."""
    text = r"\begin{aligned} a &:= b \\ &\leftarrow c \stackrel{\text{def}}{=} d \not= e \end{aligned}"
    links = [link for clause in parse_formula(text) for link in clause.links]
    assert [text[link.position :].split()[0] for link in links] == [":=", r"\leftarrow", "=}", r"\not="]


def test_trouble_is_located() -> None:
    """An unread side says where the trouble is and where the side begins; the other sides are read."""
    text = r"a = b + (c \cdot = d"
    (clause,) = parse_formula(text)
    unread, last = (link.node for link in clause.links)
    assert isinstance(unread, Unread)
    assert text[unread.start : unread.end] == r"(c \cdot"
    assert text[unread.side : unread.end] == r"b + (c \cdot"
    assert show(last) == "d"


FRAGMENTS = names(
    r"""\frac \sqrt \sqrt[3] \hat \mathbf \mathrm \text{ \text{if } \operatorname{ab} \left( \right) \left\{
    \right. \left. \right| \big| \bigl| \Big|_ { } ( ) [ ] \{ \} | || \| \lVert \rVert \langle \rangle _ ^ '
    & \\ \\[4pt] \begin{aligned} \end{aligned} \begin{cases} \end{cases} \begin{bmatrix} \end{bmatrix}
    \begin{array}{ll} \end{array} \begin{ \end{ \sum \sum_i \max \arg \min \int + - \pm \cdot / * = := \neq
    \in \to : < \implies \iff , ; . \quad \, ~ \over \rm \bf \color{red} \boxed \underset \overset
    \stackrel \underbrace \substack \tag{1} \not \dots ... a b x W e log softmax exp when if 1 2 0.5 12
    θ ∂ ∑ 若 ， 。 ² ᵀ ŷ \mid \middle| \displaystyle \hspace{1cm} \prime % $ # " ? ! (1) \intertext{x}
    \unknown invertible"""
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([*sorted(FRAGMENTS), " ", "\n"]), max_size=60).map("".join))
def test_nothing_raises(text: str) -> None:
    """Any heap of fragments is read; what is not says why, and every place lies in the text."""
    for clause in parse_formula(text):
        for node in walk(clause):
            assert 0 <= node.start <= node.end <= len(text)
            assert not isinstance(node, Unread) or (node.message and node.expected)
    parse_expression(text)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_no_text_raises(text: str) -> None:
    """Nor does any other text."""
    parse_formula(text)


BOMBS = [
    "{" * 10_000 + "}" * 10_000,
    "(" * 5_000 + "x" + ")" * 5_000,
    r"\left(" * 2_000 + r"\right)" * 2_000,
    r"\frac" * 5_000,
    r"\hat" * 5_000 + "x",
    r"\sqrt[" * 5_000,
    r"\sum_i" * 5_000 + "x",
    r"\begin{cases}" * 2_000,
    "x^" * 10_000 + "x",
    "x^{" * 5_000,
    "x^{a}" + "^{a}" * 5_000,
    r"x \cdot " * 4_000 + "x",
    "-" * 20_000 + "x",
    "|" * 20_000,
    "a|" * 10_000,
    "a=" * 10_000,
    "a=b," * 5_000,
    r"a=b\\" * 5_000,
    "&" * 20_000 + "a=b",
    "若a" * 10_000,
    r"\text{" * 5_000,
    r"\lVert a " * 4_000,
    "a" * 1_000_000,
]


@pytest.mark.parametrize("text", BOMBS, ids=lambda text: text[:12])
def test_bombs(text: str) -> None:
    """Size and nesting are bounded: no recursion error, and time that grows with the text alone."""
    start = time.process_time()
    found = parse_formula(text)
    assert time.process_time() - start < 20
    assert repr(found)
    assert isinstance(hash(found), int)


@pytest.mark.parametrize("text", ["{" * 100 + "x" + "}" * 100, "((" * 50 + "x = y" + "))" * 50])
def test_too_deep_is_said(text: str) -> None:
    """Beyond the bound the formula is unread, with the reason."""
    (clause,) = parse_formula(text)
    assert isinstance(clause.first, Unread)
    assert "nested deeper" in clause.first.message


def test_a_page_of_formulas_is_read_at_once() -> None:
    """300 formulas of ordinary size take about 0.1 s; the bound leaves room for slow machines."""
    text = (
        r"\frac{\partial L}{\partial \mathbf{w}_j} = \sum_{i=1}^n (y_i - \sigma(z_i)) x_{ij} \cdot \lambda^T"
    )
    start = time.process_time()
    for _ in range(300):
        parse_formula(text)
    assert time.process_time() - start < 2
