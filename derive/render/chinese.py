"""The Chinese of everything that derive says: the table behind derive.render.language.

Keys are the English; a field in braces stands in both. A field whose name begins with `formula` holds LaTeX.
The tests demand an entry for each rule, each diagnostic, each ready derivation, and each phrase that is used.
"""

from __future__ import annotations

PHRASES: dict[str, str] = {
    # verdicts and kinds of statement
    "proved": "已证明",
    "refuted": "已推翻",
    "unknown": "未定",
    "unread": "未读懂",
    "definition": "定义",
    "definitions": "定义",
    "given": "已知",
    "declaration": "声明",
    "declarations": "声明",
    "for all {sizes}": "对所有 {sizes}",
    "1 step proved": "1 步已证明",
    "{total} steps proved": "{total} 步已证明",
    "{proved} of {claims} steps proved": "{claims} 步中 {proved} 步已证明",
    "not proved": "未证明",
    "no claims": "没有断言",
    "claims": "断言",
    "statements": "陈述",
    "1 claim: {parts}": "1 个断言：{parts}",
    "{claims} claims: {parts}": "{claims} 个断言：{parts}",
    "{documents} documents: {counts}": "{documents} 个文档：{counts}",
    "{documents} documents, {closed} of them could not be checked: {counts}": (
        "{documents} 个文档，其中 {closed} 个无法检查：{counts}"
    ),
    # places
    "line": "行",
    "in line {line}": "见第 {line} 行",
    "in lines {lines} and {last}": "见第 {lines}、{last} 行",
    "line {line}, column {column}": "第 {line} 行第 {column} 列",
    "cell {cell}": "单元 {cell}",
    "cell {cell}, line {line}, column {column}": "单元 {cell}，第 {line} 行第 {column} 列",
    "elsewhere in the document": "文档的其他地方",
    # layouts
    "layout": "布局",
    "source": "来源",
    "numerator": "分子布局",
    "denominator": "分母布局",
    "mixed": "混用两种布局",
    "numerator layout": "分子布局",
    "denominator layout": "分母布局",
    "mixed layout": "混用两种布局",
    "{formula}, in {layout}": "{formula}，按{layout}",
    # labels of remarks
    "expected": "此处应为",
    "read as": "读作",
    "uses": "用到",
    "where": "条件",
    "{condition} (by definition)": "{condition}（由定义保证）",
    "left over": "剩余",
    "{left}, which is not shown to be 0": "{left}，未能证明它为 0",
    "numbers": "数值",
    "written out": "展开",
    "note": "注意",
    "help": "建议",
    "error": "错误",
    "needs": "需要",
    "image": "图片",
    "document": "文档",
    "step": "步骤",
    "rule": "法则",
    "verdict": "结论",
    "result": "结果",
    "quantities": "各量",
    "{path}: error: {error}": "{path}：错误：{error}",
    "`derive explain {code}` tells more about a code": "`derive explain {code}` 说明一个代码的含义",
    "for example": "例如",
    "instead": "应写作",
    # numbers
    "both sides agree up to {error} in {samples} samples; that proves nothing": (
        "在 {samples} 个样本上两边相差不超过 {error}；这不证明任何事"
    ),
    "both sides agree in {samples} samples; that proves nothing": "在 {samples} 个样本上两边一致；这不证明任何事",
    "it holds in {samples} samples; that proves nothing": "在 {samples} 个样本上成立；这不证明任何事",
    "the sides seem to differ, but no counterexample could be certified": "两边似乎不等，但未能验证任何反例",
    "rounding drowns the answer": "舍入误差掩盖了答案",
    "{method}: at most {error} apart in {samples} samples": "{method}：{samples} 个样本，最多相差 {error}",
    "{method}: no difference in {samples} samples": "{method}：{samples} 个样本，没有差别",
    "numbers agree: error {error} in {samples} samples (tolerance {tolerance})": (
        "数值一致：{samples} 个样本，误差 {error}（容许 {tolerance}）"
    ),
    "numbers DISAGREE: error {error} in {samples} samples (tolerance {tolerance})": (
        "数值不一致：{samples} 个样本，误差 {error}（容许 {tolerance}）"
    ),
    "numbers are inconclusive: error {error} in {samples} samples (tolerance {tolerance})": (
        "数值无法判断：{samples} 个样本，误差 {error}（容许 {tolerance}）"
    ),
    "{count} derivatives checked by {methods}; at {sizes}; {samples} samples, largest error {error}, seed {seeds}": (
        "用{methods}核对了 {count} 个导数；{sizes}；{samples} 个样本，最大误差 {error}，种子 {seeds}"
    ),
    "{count} derivatives checked by {methods}; {samples} samples, largest error {error}, seed {seeds}": (
        "用{methods}核对了 {count} 个导数；{samples} 个样本，最大误差 {error}，种子 {seeds}"
    ),
    "SymPy and the kernel agree on the derivatives of {agree} of {compared} steps": (
        "SymPy 与内核在 {compared} 步中 {agree} 步的导数上一致"
    ),
    "SymPy and the kernel DISAGREE on the derivatives of {agree} of {compared} steps": (
        "SymPy 与内核不一致：{compared} 步中只有 {agree} 步的导数相同"
    ),
    # counterexamples
    "counterexample": "反例",
    "for {sizes}: {left} against {right}": "当 {sizes} 时：{left}，而另一边是{right}",
    "entry {place}": "第 {place} 个元素",
    "at this point": "在此点",
    "left side": "左边",
    "right side": "右边",
    "(rounded; certified by ball arithmetic)": "（已舍入；由区间球算术验证）",
    "counterexample: {where}: left {left}, right {right}": "反例：{where}：左边 {left}，右边 {right}",
    # headings of pages
    "What it comes to": "结论",
    "Rules": "法则",
    "What the verdicts mean": "各结论的含义",
    "holds for every size and every value at which both sides are defined": (
        "对所有尺寸、对两边都有定义的所有取值都成立"
    ),
    "false: a counterexample is shown, its inequality certified by exact or ball arithmetic": (
        "不成立：给出了反例，其不等由精确算术或区间球算术验证"
    ),
    "neither could be shown; that both sides agree in numbers proves nothing": (
        "既未能证明也未能推翻；两边数值一致不证明任何事"
    ),
    "this equation could not be read": "这个等式未能读懂",
}

TITLES: dict[str, str] = {
    "Softmax with cross entropy": "Softmax 与交叉熵",
    "Softmax with cross entropy, entry by entry": "Softmax 与交叉熵：逐元素推导",
    "Binary cross entropy": "二元交叉熵",
    "The chain rule": "链式法则",
    "Cross entropy": "交叉熵",
    "The product rule": "乘积法则",
    "One step of gradient descent": "一步梯度下降",
    "The Hessian of softmax with cross entropy": "Softmax 交叉熵的 Hessian 矩阵",
    "The Jacobian of softmax": "Softmax 的 Jacobian 矩阵",
    "Properties of softmax": "Softmax 的性质",
    "Squared error behind an activation": "激活函数之后的平方误差",
}

RULES: dict[str, str] = {
    "definition of softmax": "softmax 的定义",
    "definition of cross entropy": "交叉熵的定义",
    "definition of sigmoid": "sigmoid 的定义",
    "definition of the norm": "范数的定义",
    "sum of y is 1": "y 的元素之和为 1",
    "one-hot vector": "独热向量",
    "distributivity": "分配律",
    "cancellation": "约分",
    "common denominator": "通分",
    "scalar factors": "提取标量因子",
    "transpose of a sum": "和的转置",
    "transpose of a product": "乘积的转置",
    "inverse of diag": "对角矩阵的逆",
    "diag times a vector": "对角矩阵乘向量",
    "trace of a scalar": "标量的迹",
    "trace of an outer product": "外积的迹",
    "linearity of the trace": "迹的线性",
    "norm of an outer product": "外积的范数",
    "gradient step": "梯度步",
    "variance": "方差",
    "exp of a sum": "和的指数",
    "exp of a logarithm": "对数的指数",
    "logarithm of exp": "指数的对数",
    "logarithm of a quotient": "商的对数",
    "Kronecker delta": "Kronecker δ",
    "case distinction": "分情况讨论",
    "splitting a sum": "拆分求和",
    "entries of a product": "乘积的元素",
    "entries of an outer product": "外积的元素",
    "basis vector": "基向量",
    "vector form": "写成向量形式",
    "matrix form": "写成矩阵形式",
    "derivative by a scalar": "对标量求导",
    "derivative by a vector": "对向量求导",
    "Jacobian by entries": "逐元素的 Jacobian 矩阵",
    "derivative by a matrix": "对矩阵求导",
    "linearity": "求导的线性",
    "constants vanish": "常数的导数为 0",
    "product rule": "乘积法则",
    "product rule by entries": "逐元素的乘积法则",
    "quotient rule": "商法则",
    "derivative of a reciprocal": "倒数的导数",
    "chain rule": "链式法则",
    "chain rule by entries": "逐元素的链式法则",
    "trace form of the chain rule": "链式法则的迹形式",
    "derivative of an entry": "元素的导数",
    "derivative of a linear form": "线性型的导数",
    "derivative of an affine map": "仿射映射的导数",
    "derivative by a weight": "对单个权重求导",
    "derivative of a squared norm": "范数平方的导数",
    "derivative of an elementwise function": "逐元素函数的导数",
    "derivative of exp": "指数函数的导数",
    "derivative of a sum of exp": "指数之和的导数",
    "derivative of log": "对数函数的导数",
    "derivative of sigmoid": "sigmoid 的导数",
    "softmax sums to 1": "softmax 的元素之和为 1",
    "Jacobian of softmax": "softmax 的 Jacobian 矩阵",
    "derivative of log-softmax": "log-softmax 的导数",
    "derivative of cross entropy": "交叉熵的导数",
    "softmax with cross entropy": "softmax 与交叉熵合并",
    "derivative by the weights": "对权重求导",
    "derivative by the biases": "对偏置求导",
    "exp is positive": "指数恒正",
    "sum of squares": "平方和",
    "a part is less than the whole": "部分小于整体",
}

# what is composed about a document where the trouble is found
MESSAGES: dict[str, str] = {
    # a claim that is wrong or open
    "the two sides differ": "两边不等",
    "the two sides differ already for {sizes}": "当 {sizes} 时两边已经不等",
    "this fails": "此式不成立",
    "this fails already for {sizes}": "当 {sizes} 时此式已经不成立",
    "neither proved nor refuted": "既未证明也未推翻",
    "the left side is {left}, the right side {right}": "左边是 {left}，右边是 {right}",
    "scalar": "标量",
    "an array of shape {shape}": "形状为 {shape} 的数组",
    "a dimension of {size}": "大小为 {size} 的维度",
    "this line is read in numerator layout": "这一行按分子布局读",
    "this line is read in denominator layout": "这一行按分母布局读",
    "not decided in {seconds} seconds": "{seconds} 秒内未能判定",
    "the claim is too large": "断言太大",
    "the claim is too large for its budget": "断言太大，超出预算",
    "the claim is nested too deeply": "断言嵌套太深",
    "it divides by something that is always 0": "它除以恒为 0 的量",
    "it takes the logarithm of something that is always 0": "它对恒为 0 的量取对数",
    "it takes the logarithm of something negative": "它对负数取对数",
    "it takes a root of something negative": "它对负数开方",
    "it inverts a matrix that is always 0": "它对恒为 0 的矩阵求逆",
    # notes
    "there is mathematics here, but no equation that claims something": "这里有数学公式，但没有作出断言的等式",
    "there is no mathematics in this document": "此文档中没有数学公式",
    "two errors cancel: {rest}; only what is between them is wrong": "两个错误互相抵消：{rest}；只有两者之间的内容有错",
    "{rest}; only what is between them could not be read": "{rest}；只有两者之间的内容未能读懂",
    "what stands before the sign in line {line} equals what stands after this one": (
        "第 {line} 行的符号之前与此符号之后的内容相等"
    ),
    "what stands before the sign in column {column} equals what stands after this one": (
        "第 {column} 列的符号之前与此符号之后的内容相等"
    ),
    # what would mend a step
    "{reason}: {formula} would be right": "{reason}：{formula} 才对",
    "needs {formula}": "需要 {formula}",
    "transposed": "转置了",
    "transposed, and {reason}": "转置了，并且{reason}",
    "the sign is wrong": "符号错了",
    "the sign of {formula} is wrong": "{formula} 的符号错了",
    "a factor {formula} is missing": "缺少因子 {formula}",
    "a factor {formula} is missing at {formula_place}": "{formula_place} 处缺少因子 {formula}",
    "the factor {formula} is missing": "缺少因子 {formula}",
    "the factor {formula} is one too many": "多了因子 {formula}",
    "the denominator {formula} is one too many": "多了分母 {formula}",
    "the term {formula} is missing": "缺少项 {formula}",
    "the term {formula} is one too many": "多了项 {formula}",
    "the inverse of {formula} is missing": "缺少 {formula} 的逆",
    "the derivative by {formula} is missing": "缺少对 {formula} 的导数",
    "the factors stand in another order": "因子的次序不对",
    "the sum over {formula} is missing": "缺少对 {formula} 的求和",
    "the sum over {formula} is one too many": "多了对 {formula} 的求和",
    "the sum runs over {formula}": "求和应对 {formula} 进行",
    "the sum captures the index {formula}": "求和占用了指标 {formula}",
    "the trace of {formula} is missing": "缺少 {formula} 的迹",
    "the sum of the entries of {formula} is missing": "缺少 {formula} 各元素之和",
    "diag is missing at {formula}": "{formula} 处缺少 diag",
    "{formula} needs no diag": "{formula} 不需要 diag",
    "{formula} is missing": "缺少 {formula}",
    "{formula} is one too many": "多了 {formula}",
    "{formula} instead of {formula_old}": "应为 {formula}，而不是 {formula_old}",
    "right in numerator layout": "按分子布局是对的",
    "right in denominator layout": "按分母布局是对的",
    "right with each derivative transposed": "把每个导数转置后是对的",
    "right where {formula} is read in numerator layout": "把 {formula} 按分子布局读时是对的",
    "right where {formula} is read in denominator layout": "把 {formula} 按分母布局读时是对的",
    # what cannot be read
    "the expression ends here": "表达式到此为止",
    "nothing stands here": "此处为空",
    "found {formula}": "遇到 {formula}",
    "found the rows of {name} inside an expression": "在表达式中遇到 {name} 的行",
    "longer than {count} characters": "超过 {count} 个字符",
    "nested deeper than {count} levels": "嵌套超过 {count} 层",
    "an expression more than {count} levels deep": "表达式深度超过 {count} 层",
    "the formula is nested too deeply": "公式嵌套太深",
    "nothing stands on the left of this sign": "此符号左边为空",
    "{formula} has no meaning yet": "{formula} 还没有含义",
    "{formula} is applied to nothing": "{formula} 没有作用的对象",
    "the function {formula} needs its argument": "函数 {formula} 缺少自变量",
    "{formula} takes {count} arguments": "{formula} 需要 {count} 个自变量",
    "{formula} takes {shape}, not {other}": "{formula} 的自变量是 {shape}，不是 {other}",
    "no reading for this {kind} yet": "还不能读这种 {kind}",
    "no reading for the operator {formula} yet": "还不能读运算符 {formula}",
    "no reading for a {formula} yet": "还不能读 {formula}",
    "no reading for {formula} yet": "还不能读 {formula}",
    "no reading for a norm with the index {formula}": "还不能读带下标 {formula} 的范数",
    "a list in brackets has no reading here yet": "这里还不能读括号中的列表",
    "a matrix with dots has no reading here yet": "这里还不能读带省略号的矩阵",
    "a sign that is both plus and minus has two readings": "正负号有两种读法",
    "a prime here is neither a derivative nor part of a name": "此处的撇号既不是导数，也不是名字的一部分",
    "this function is of one number; its derivative here has no reading yet": "此函数的自变量是一个数；还不能读它在这里的导数",
    "an indicator is of i = j or i \\neq j": "示性函数的条件应为 i = j 或 i \\neq j",
    "the condition of this case has no reading": "读不懂这种情况的条件",
    "a derivative of nothing": "没有写出被求导的量",
    "a derivative of order {order} by {count} variables": "{order} 阶导数，却有 {count} 个变量",
    "a differential sign stands above this fraction and none below": "此分式的分子有微分号，分母没有",
    "what varies in this differential is not said": "没有说明此微分中哪个量在变",
    "what this nabla differentiates by is not said": "没有说明此 ∇ 对什么求导",
    "a power of a vector has no fixed meaning": "向量的幂没有确定的含义",
    "this is not an index": "这不是指标",
    "the index {index} is outside 1..{size}": "指标 {index} 不在 1..{size} 之内",
    "the index {index} runs to {formula}, but here it needs to run to {formula_other}": (
        "指标 {index} 的上限是 {formula}，而此处需要 {formula_other}"
    ),
    "what the index {formula} ranges over is not known": "不知道指标 {formula} 的范围",
    "what these indices range over is not known": "不知道这些指标的范围",
    "this subscript is not made of indices": "此下标不是由指标组成的",
    "a sum without an index": "求和没有指标",
    "these limits have no reading yet": "还不能读这样的上下限",
    "the sum over {index} ends at {formula}, but what it sums has {formula_size} entries": (
        "对 {index} 的求和到 {formula} 为止，而被求和的量有 {formula_size} 个元素"
    ),
    "what these dots stand for is not clear": "不清楚省略号代表什么",
    "this term does not fit the first one and the last": "此项与首项和末项不合",
    "the place of this term among the dots is not clear": "不清楚此项在省略号中的位置",
    "the general entry of this list is not clear": "不清楚此列表的通项",
    "the size of this vector of ones is not known": "不知道此全 1 向量的大小",
    "the size of this array is not known": "不知道此数组的大小",
    "a declaration of nothing": "没有写出要声明的内容",
    "only a name can be declared": "只能声明一个名字",
    "this set is not known": "不认识这个集合",
    "an array of more than two dimensions cannot be declared": "不能声明超过两维的数组",
    "a function is declared with its domain and range": "声明函数时要写出定义域和值域",
    "this is not a dimension": "这不是维度",
    "a dimension is not a difference of symbols": "维度不能是符号之差",
    "a hypothesis is one relation": "一个假设是一个关系式",
    "no hypothesis is made with {formula}": "不能用 {formula} 作假设",
    "the layout is numerator or denominator, not {name}": "布局是 numerator（分子）或 denominator（分母），不是 {name}",
    # shapes
    "a product of {left} with {right} does not conform: {columns} columns meet {rows} rows": (
        "{left} 与 {right} 不能相乘：{columns} 列遇到 {rows} 行"
    ),
    "an entry of a {shape} array does not take {count} indices": "{shape} 数组的元素不带 {count} 个指标",
    "{what} needs a square matrix, not a {shape} one": "{what} 需要方阵，而不是 {shape} 的矩阵",
    "{what} must be a scalar, not {shape}": "{what} 必须是标量，而不是 {shape}",
    "{what} needs equal shapes, not {left} and {right}": "{what} 需要相同的形状，而不是 {left} 与 {right}",
    "{what} needs a matrix, not an array of {count} dimensions ({shape}); write it in index notation": (
        "{what} 需要矩阵，而不是 {count} 维数组（{shape}）；请用指标记法"
    ),
    "a sum": "和",
    "the trace": "迹",
    "an inverse": "逆",
    "a determinant": "行列式",
    "an identity matrix is square, not {shape}": "单位矩阵是方阵，而不是 {shape}",
    "a matrix power needs an integer exponent": "矩阵的幂需要整数指数",
    "the rows of a matrix have different lengths": "矩阵各行的长度不同",
    # files
    "No such file or directory": "没有这个文件或目录",
    "Permission denied": "没有权限",
    "larger than {size} MB": "大于 {size} MB",
    "not a regular file": "不是普通文件",
    "not UTF-8 but UTF-16 text; save it as UTF-8": "不是 UTF-8 而是 UTF-16 文本；请存为 UTF-8",
    "not a text: it has null bytes in it": "不是文本：含有空字节",
    "not UTF-8 text: byte {byte} in line {line}; save it as UTF-8": "不是 UTF-8 文本：第 {line} 行有字节 {byte}；请存为 UTF-8",
    "no document in this folder ({kinds})": "此目录中没有文档（{kinds}）",
    "not a kind of document that derive reads ({kinds})": "derive 不读这类文档（{kinds}）",
    # numeric methods
    "float64 evaluation": "float64 求值",
    "central differences (Richardson)": "中心差分（Richardson 外推）",
    "central differences (Richardson) of exact inner derivatives": "对精确内层导数的中心差分（Richardson 外推）",
}

DIAGNOSTICS: dict[str, tuple[str, str, str]] = {
    "D001": (
        "公式残缺",
        "括号不成对、缺少参数，或符号出现在不能出现的地方。插入符指出读到哪里停下，消息说明那里可以接什么。",
        "derive 不猜括号该在哪里闭合：每种猜法都是另一个等式。链中的其他各边照常读取。",
    ),
    "D002": (
        "没有这种记号的读法",
        "公式的写法没有问题，但其中一部分 derive 不知道含义：代表两种情形的符号（\\pm）、不认识的运算符、不读的矩阵种类。",
        "凭空编造的含义可能会证明作者没有说过的话。",
    ),
    "D003": (
        "公式太长或太深",
        "括号嵌套超过四十层，或公式有成千上万个字符。",
        "文档来自陌生人；无论里面是什么，读取所用的时间和内存都有上限。",
    ),
    "D004": (
        "没有作用的对象",
        "函数或导数缺少自变量：\\log 后面什么也没有，或 \\frac{\\partial}{\\partial x} 后面没有被求导的量。",
        "函数之间的等式不作判定；请写成对某个自变量的等式。",
    ),
    "D005": (
        "声明读不懂",
        "带 \\in 或冒号的陈述不是 derive 能理解的形式：集合如 \\mathbb{R}、\\mathbb{R}^n、\\mathbb{R}^{m \\times n}、"
        "\\{0,1\\}^c 或 \\{1, \\dots, c\\}，或函数 f: \\mathbb{R}^n \\to \\mathbb{R}。",
        "符号是什么，决定了含有它的公式说的是什么。数组最多两维，每一维是一个名字、一个数，或它们的和。",
    ),
    "D006": (
        "不能当作假设",
        "given 块中的一条陈述既不是声明，也不是定义，也不是假设。假设是一个用 =、<、> 或 \\neq 的关系式。",
        "只有含义确切的内容才能用于证明。",
    ),
    "D007": (
        "没有这种布局",
        "given 块声明了 numerator（分子）和 denominator（分母）以外的布局。",
        "分子布局中梯度是行，∂y/∂x 的第 i 行是 ∂y_i/∂x_j；分母布局是它的转置。多数导数只在其中一种布局下正确。"
        "没有声明时，derive 会找出文档用的是哪一种。",
    ),
    "D008": (
        "左边为空",
        "一行以关系符号开头，而它前面没有可以接续的公式。",
        "以 = 开头的行接续它前面的行或公式块。",
    ),
    "D010": (
        "形状不合",
        "陈述内部的形状无论尺寸如何都不合：元素的指标比数组的维数多，或函数得到了它不能接受的量。"
        "如果只是尺寸的问题，例如两个因子不能相乘，这一步则被推翻（D101）。",
        "这样的一边没有值，所以对它什么也不能说。向量是列，除非另有声明：x \\in \\mathbb{R}^{1 \\times n} 是行。",
    ),
    "D011": (
        "没有含义的符号",
        "公式用到的符号既没有声明也没有定义，而且从用法推不出它的形状。",
        "V 是矩阵、向量还是数，决定了公式说的是什么。请写在读者看得见的地方，或写在他们看不见的注释里："
        "<!-- derive V \\in \\mathbb{R}^{m \\times n} -->。",
    ),
    "D012": (
        "指标没有范围",
        "无法得知指标的范围：没有形状已知的量带这个指标，求和没有写出指标，或上下限读不懂。",
        "指标的范围是带它的量的维度：x_i 中的 i 取遍 x 的维度。",
    ),
    "D013": (
        "不是指标",
        "下标既不是已声明的名字的一部分，也不是由指标组成；或者它是指标范围（从 1 数起）之外的数。",
        "下标有许多含义；只有名字已经声明时，derive 才把下标当作名字的一部分。",
    ),
    "D014": (
        "向量的幂",
        "向量被写成幂，而没有写出它的各个因子。",
        "作者用它表示不同的意思，例如 x^T x，或各元素的幂。",
    ),
    "D015": (
        "阶数不符的导数",
        "分数线上方的阶数不等于下方变量的个数。",
        "两者之一是笔误，而是哪一个会改变含义。",
    ),
    "D016": (
        "没有说明什么在变",
        "∇ 没有写明对什么求导，而有几个量都可能；或者公式中有微分，却没有任何量在变。",
        "同一个表达式对它的每个变量都有一个梯度。",
    ),
    "D017": (
        "补不全的省略号",
        "带省略号的求和、列表或矩阵看不出规律：写出的各项不属于同一个通项，或不知道指标的范围。",
        "只有写出的一切都与猜测相符时，才猜省略号代表什么。",
    ),
    "D018": (
        "半个导数",
        "分式的分子有微分号，分母没有：\\frac{\\partial y}{x}。",
        "几乎总是分母漏写了符号。当作商来读，这个分式没有意义。",
    ),
    "D101": (
        "两边形状不同",
        "两边各自都有意义，但左边数组的形状与右边不同。反例是能看出这一点的最小尺寸。",
        "可能漏了转置、漏了求和，或者用了另一种布局。尺寸为 1 时两边甚至可能相等；derive 要求等式对所有尺寸成立。",
    ),
    "D102": (
        "被反例推翻",
        "在给出的取值处，假设成立，两边都有定义，而两边不等。尺寸是找到反例的最小尺寸；不等由精确算术或区间球算术验证，"
        "也可以手算核对。",
        "推导中的等式断言它对所有尺寸和所有取值成立。如果它只在某个条件下成立，请写出这个条件：报告末尾会列出哪些行需要它。",
    ),
    "D103": (
        "在另一种布局下是对的",
        "这一步在文档所用的布局下是错的，在另一种布局下可以证明。",
        "同一个推导中不能混用两种布局：链式法则的乘法次序相反。请把这一步转置，或声明所用的布局。",
    ),
    "D110": (
        "互相抵消的两个错误",
        "链中有几步是错的，但第一个错步之前的内容与最后一个错步之后的内容相等。每个 = 单独判定，所以回到正确结果的那一行也是错的。",
        "这条链的结果可以使用；只有中间各行需要修改。往往只是一行有笔误。",
    ),
    "D201": (
        "既未证明也未推翻",
        "内核未能证明这一步，也没有找到反例。报告给出两边之差还剩下什么，以及两边的数值有多接近。",
        "数值一致不是证明，在这里也永远不会变成证明。可能缺少作者心中的某个假设，或者这一步需要内核没有的法则；把步子拆小会有帮助。",
    ),
    "D202": (
        "断言的预算用完",
        "每个断言有时间预算（--timeout）和规模预算。这个断言用完了预算，而到那时还没有找到反例。",
        "有些断言写起来短，算起来极大。陌生人的文档不能让 derive 停不下来；请把这一步拆开，或给它更多时间。",
    ),
}
