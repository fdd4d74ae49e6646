// What a rule did, action by action.
import { Flex, Typography } from 'antd';
import type { Schemas } from '../shell/api';
import { useText } from '../shell/i18n';

type Action = Schemas['ActionOutcome'];

// The hub says what it did in English words; what follows the first of them is the
// tag, the status, the person.
const already = ' (was so already)';

export function useDone() {
  const { t, word } = useText();
  return (a: Action) => {
    const was = a.what.endsWith(already);
    const what = was ? a.what.slice(0, -already.length) : a.what;
    const rest = a.do === 'assign' ? what.replace(/^assigned to /, '') : what.includes(' ') ? what.slice(what.indexOf(' ') + 1) : '';
    const detail = a.do === 'status' ? word('status', rest) : a.do === 'assign' && rest === 'nobody' ? t('firing.nobody') : a.do === 'webhook' ? '' : rest;
    return `${word('act', a.do)}${detail && `: ${detail}`}${was ? ` ${t('firing.already')}` : ''}`;
  };
}

export function Done({ actions }: { actions: readonly Action[] }) {
  const { t, said } = useText();
  const say = useDone();
  return (
    <Flex vertical>
      {actions.map((a, i) => (
        <span key={i}>{say(a)}{a.refused && <Typography.Text type="danger"> {t('firing.refusedBecause', { why: said(a.refused) })}</Typography.Text>}</span>
      ))}
    </Flex>
  );
}
