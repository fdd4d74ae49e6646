// Programs that are told by webhook, how each fares, and what it was told.
import { LeftOutlined, PlusOutlined } from '@ant-design/icons';
import { useQuery } from '@tanstack/react-query';
import { Alert, Button, Card, Descriptions, Flex, Typography } from 'antd';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { ask, hub } from '../shell/api';
import { useFormat } from '../shell/format';
import { useText } from '../shell/i18n';
import { useCan } from '../shell/session';
import { Nothing, Shown } from '../shell/state';
import { Ago, Chip, type Colour } from '../shell/words';
import { EndpointActions } from './actions';
import { Deliveries } from './deliveries';
import { EditEndpoint, Secret, type Endpoint } from './edit';
import { facts, Heading, useKinds } from './parts';

export function Endpoints() {
  const { t } = useText();
  const can = useCan();
  const [params] = useSearchParams();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Endpoint>();
  const list = useQuery({ queryKey: ['endpoints'], queryFn: ({ signal }) => ask(hub.GET('/api/v1/endpoints', { signal })), select: (e) => e.endpoints, refetchInterval: 3_000 });
  const one = Number(params.get('endpoint')) || undefined;
  const add = can('accounts.manage') && <Button type="primary" icon={<PlusOutlined />} onClick={() => setAdding(true)}>{t('integ.addEndpoint')}</Button>;
  return (
    <>
      <Shown of={list}>{(all) => {
        if (all.length === 0) return <Nothing text={t('integ.noEndpoints')} hint={t('integ.noEndpointsHint')}>{add}</Nothing>;
        const shown = one ? all.filter((e) => e.id === one) : all;
        return (
          <Flex vertical gap={14}>
            {one ? <Link to="/integrations"><LeftOutlined aria-hidden /> {t('integ.allEndpoints')}</Link> : add && <Flex justify="end">{add}</Flex>}
            {shown.map((e) => <EndpointCard key={e.id} e={e} onSecret={setMade} />)}
            {one && (shown[0] ? <Deliveries of={shown[0]} /> : <Nothing text={t('state.missing')} />)}
          </Flex>
        );
      }}</Shown>
      {adding && <EditEndpoint of={{}} onClose={(e) => { setAdding(false); if (e?.secret) setMade(e); }} />}
      {made && <Secret of={made} onClose={() => setMade(undefined)} />}
    </>
  );
}

// how an endpoint fares, in one word.
function health(e: Endpoint): [Colour, 'integ.stopped' | 'account.paused' | 'integ.away' | 'integ.someDead' | 'account.fine'] {
  if (e.state === 'stopped') return ['red', 'integ.stopped'];
  if (e.state === 'paused') return ['grey', 'account.paused'];
  if (e.failures > 0) return ['red', 'integ.away'];
  return e.dead > 0 ? ['orange', 'integ.someDead'] : ['green', 'account.fine'];
}

function EndpointCard({ e, onSecret }: { e: Endpoint; onSecret: (e: Endpoint) => void }) {
  const { t } = useText();
  const f = useFormat();
  const can = useCan();
  const kinds = useKinds();
  const [colour, word] = health(e);
  const state = <Chip colour={colour}>{t(word)}</Chip>;
  return (
    <Card size="small" title={<Flex gap={8} align="center" wrap><Heading>{e.name}</Heading>{state}</Flex>}>
      {e.problem && (
        <Alert type={e.state === 'stopped' ? 'error' : 'warning'} showIcon title={e.problem} style={{ marginBottom: 10 }}
          description={e.state === 'stopped' ? t('integ.stoppedHint') : <Flex gap={12} wrap>{e.failing_since && <span>{t('integ.failingSince')}: <Ago at={e.failing_since} /></span>}{e.next_at && <span>{t('integ.next')}: <Ago at={e.next_at} /></span>}</Flex>} />
      )}
      <Descriptions size="small" column={{ xs: 1, md: 2 }} colon={false} styles={{ label: { width: 190 } }} items={facts([
        [t('integ.url'), <span key="u" className="mono" style={{ overflowWrap: 'anywhere' }}>{e.url}</span>], [t('integ.kinds'), kinds(e)],
        [t('integ.pending'), <span key="p">{f.number(e.pending)}{e.waiting_since && <Typography.Text type="secondary"> · {t('integ.oldest')} <Ago at={e.waiting_since} /></Typography.Text>}</span>],
        [t('integ.delivered'), e.delivered_at ? <Ago key="d" at={e.delivered_at} /> : t('integ.never')],
        [t('integ.dead'), e.dead > 0 && <Link key="x" to={`/integrations?endpoint=${e.id}&state=dead`}>{f.number(e.dead)}</Link>],
        [t('integ.buyer'), e.personal ? t('form.yes') : t('form.no')],
        [t('integ.oldSecrets'), e.old_secrets > 0 && f.number(e.old_secrets)],
      ])} />
      <Flex gap={8} wrap style={{ marginTop: 10 }}>
        <Link to={`/integrations?endpoint=${e.id}`}><Button size="small" tabIndex={-1}>{t('integ.deliveries')}</Button></Link>
        {can('accounts.manage') && <EndpointActions e={e} onSecret={onSecret} />}
      </Flex>
    </Card>
  );
}
