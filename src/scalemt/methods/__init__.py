"""Methods: ways of translating a batch of segments; one file per method."""

from scalemt.methods.base import Answer, Kit, Method, Prepared, Question, Talk
from scalemt.registry import Registry

METHODS = Registry(
    "method",
    "scalemt.methods",
    {
        "draft": "scalemt.methods.draft:DraftMethod",
        "few-shot": "scalemt.methods.few_shot:FewShotMethod",
        "refine": "scalemt.methods.refine:RefineMethod",
        "pivot": "scalemt.methods.pivot:PivotMethod",
        "adaptive": "scalemt.methods.adaptive:AdaptiveMethod",
        "agents": "scalemt.methods.agents:AgentsMethod",
        "think": "scalemt.methods.think:ThinkMethod",
        "terminology": "scalemt.methods.terminology:TerminologyMethod",
        "dictionary": "scalemt.methods.dictionary:DictionaryMethod",
        "instruct": "scalemt.methods.instruct:InstructMethod",
        "code-switch": "scalemt.methods.code_switch:CodeSwitchMethod",
        "knowledge": "scalemt.methods.knowledge:KnowledgeMethod",
        "ladder": "scalemt.methods.ladder:LadderMethod",
        "route": "scalemt.methods.route:RouteMethod",
        "parallel": "scalemt.methods.parallel:ParallelMethod",
        "multi-path": "scalemt.methods.multi_path:MultiPathMethod",
    },
)

__all__ = ["METHODS", "Answer", "Kit", "Method", "Prepared", "Question", "Talk"]
