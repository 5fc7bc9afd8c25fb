import { describe, expect, it } from '@jest/globals';
import { replayFailureOf, resetPointOf } from '../../src/client/reset-point.ts';
import { historyFromJson } from '../../src/temporal/history-json.ts';

/** Events 1, 2, … of a history. */
function eventsOf(...attributes: Array<Record<string, object>>) {
  return historyFromJson({ events: attributes.map((one, i) => ({ eventId: String(i + 1), ...one })) }).events ?? [];
}

const COMPLETED = { workflowTaskCompletedEventAttributes: {} };
const SIGNALED = { workflowExecutionSignaledEventAttributes: {} };
const ANSWERED = { workflowExecutionUpdateAcceptedEventAttributes: {} };
const canceledBy = (id: number) => ({ timerCanceledEventAttributes: { workflowTaskCompletedEventId: String(id) } });
const failedBy = (cause: string, message = '') => ({
  workflowTaskFailedEventAttributes: { cause, failure: { message } },
});
const UNREADABLE = failedBy('WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR', 'cannot replay');

describe('a run stands still for its history', () => {
  it.each([
    ['its newest workflow task failed so', [COMPLETED, UNREADABLE], 'cannot replay'],
    ['it was told something since', [COMPLETED, UNREADABLE, SIGNALED], 'cannot replay'],
  ])('where %s', (_, events, failure) => {
    expect(replayFailureOf(eventsOf(...events))).toBe(failure);
  });

  it.each([
    ['a worker could read it since', [UNREADABLE, COMPLETED]],
    ['its newest workflow task timed out', [UNREADABLE, { workflowTaskTimedOutEventAttributes: {} }]],
    ['it was reset', [UNREADABLE, failedBy('WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW')]],
    ['no workflow task has ended', [SIGNALED]],
  ])('but not where %s', (_, events) => {
    expect(replayFailureOf(eventsOf(...events))).toBeUndefined();
  });
});

describe('the point to go back to', () => {
  const events = eventsOf(COMPLETED, canceledBy(1), COMPLETED, ANSWERED, COMPLETED, SIGNALED);
  const pointOf = (failure: string) => {
    const id = resetPointOf(events, failure)?.eventId;
    return id == null ? undefined : Number(id);
  };

  it('is the workflow task that wrote the event which the failure names', () => {
    expect(pointOf('does not handle this event: HistoryEvent(id: 2, TimerCanceled)')).toBe(1);
  });

  it.each([
    ['a signal', 'HistoryEvent(id: 6, WorkflowExecutionSignaled)', 5],
    ['an answer', 'HistoryEvent(id: 4, WorkflowExecutionUpdateAccepted)', 3],
  ])('is the last workflow task before the event which the failure names, where that is %s', (_, failure, point) => {
    expect(pointOf(failure)).toBe(point);
  });

  it.each([
    ['names an event that is not there', 'HistoryEvent(id: 60, TimerCanceled)'],
    ['names none', 'Activity type does not match'],
  ])('is the last workflow task before the last answer of a person where the failure %s', (_, failure) => {
    expect(pointOf(failure)).toBe(3);
  });

  it('is not there where the failure names no event, and nobody has answered anything', () => {
    expect(resetPointOf(eventsOf(COMPLETED, canceledBy(1), COMPLETED), 'does not match')).toBeUndefined();
  });
});
