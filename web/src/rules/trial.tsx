// What a rule would have done in the past; nothing is changed by asking.
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Flex, Select, Typography } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useTell } from '../shell/state';
import { Ago } from '../shell/words';
import type { Body } from './editor';

export function Trial({ of, check }: { of: () => Body; check: () => Promise<unknown> }) {
  const { t, said } = useText();
  const f = useFormat();
  const { failed } = useTell();
  const [last, setLast] = useState(1000);
  const trial = useMutation({ mutationFn: () => ask(hub.POST('/api/v1/rule-trials', { body: { rule: of(), last } })), onError: failed });
  const r = trial.data;
  return (
    <Flex vertical gap={8}>
      <Flex gap={8} wrap align="center">
        <Select value={last} onChange={setLast} aria-label={t('rules.trialOn')} options={[1000, 10_000, 100_000].map((n) => ({ value: n, label: t('rules.trialLast', { count: n, n: f.number(n) }) }))} />
        <Button loading={trial.isPending} onClick={() => void check().then(() => trial.mutate(), () => undefined)}>{t('rules.try')}</Button>
      </Flex>
      {r && (
        <Alert type={r.failed ? 'warning' : 'info'} showIcon title={t('rules.wouldFire', { count: r.fired })}
          description={
            <Flex vertical gap={6}>
              <Typography.Text type="secondary">{t('rules.looked', { count: r.events, n: f.number(r.events) })}{r.reached && <> · {t('rules.reached', { at: f.full(r.reached) })}</>}</Typography.Text>
              {!r.complete && <span>{t('rules.incomplete')}</span>}
              {r.failed > 0 && <span>{t('rules.trialFailed', { count: r.failed })}: {said(r.problem)}</span>}
              {r.orders.length > 0 && <Flex gap={12} wrap>{r.orders.map((o) => <span key={o.event}><Link className="num" to={`/orders/${o.number}`}>{o.number}</Link> <Typography.Text type="secondary"><Ago at={o.at} /></Typography.Text></span>)}</Flex>}
            </Flex>
          } />
      )}
    </Flex>
  );
}
