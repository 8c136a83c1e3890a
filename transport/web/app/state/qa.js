/** What events make of the questions: most votes first, then the oldest. Pure. */

function order(one, other) {
  return other.votes - one.votes || Date.parse(one.at) - Date.parse(other.at) || Number(one.id) - Number(other.id);
}

function sorted(qa, questions) {
  return { ...qa, questions: questions.sort(order) };
}

function asked(qa, data, { at, me }) {
  if (qa.questions.some((question) => question.id === data.id)) return qa;
  const question = {
    ...data, at, votes: 0, voted: false, mine: data.person === me, state: "open", answer: null, answered_by: null, answered_at: null,
  };
  return { ...sorted(qa, [...qa.questions, question]), total: qa.total + 1 };
}

/** The questions with one of them changed. */
export function changeQuestion(qa, id, change) {
  if (!qa.questions.some((question) => question.id === id)) return qa;
  return sorted(qa, qa.questions.map((question) => (question.id === id ? { ...question, ...change } : question)));
}

/** Take in a question as a method answered it: it knows what is mine and what I voted for. */
export function withQuestion(qa, question) {
  if (qa.questions.some((known) => known.id === question.id)) return changeQuestion(qa, question.id, question);
  return { ...sorted(qa, [...qa.questions, question]), total: qa.total + 1 };
}

function deleted(qa, data) {
  const questions = qa.questions.filter((question) => question.id !== data.id);
  return questions.length === qa.questions.length ? qa : { ...qa, questions, total: qa.total - 1 };
}

export const qaEvents = {
  "qa.asked": asked,
  "qa.voted": (qa, data) => changeQuestion(qa, data.id, { votes: data.votes }),
  "qa.lived": (qa, data) => changeQuestion(qa, data.id, { state: "live" }),
  "qa.reopened": (qa, data) => changeQuestion(qa, data.id, { state: "open" }),
  "qa.dismissed": (qa, data) => changeQuestion(qa, data.id, { state: "dismissed" }),
  "qa.answered": (qa, data, { at }) =>
    changeQuestion(qa, data.id, { state: "answered", answer: data.text, answered_by: data.by_name, answered_at: at }),
  "qa.deleted": deleted,
};
