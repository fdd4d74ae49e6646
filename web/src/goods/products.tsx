// The shop's own products.
import { PlusOutlined, UploadOutlined } from '@ant-design/icons';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Button, Checkbox, Dropdown, Flex, Form, Input, InputNumber, Modal, Table, Typography } from 'antd';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { ask, download, hub, Problem, type Schemas } from '../shell/api';
import { useFormat } from '../shell/format';
import { Head } from '../shell/frame';
import { useText } from '../shell/i18n';
import { More } from '../shell/more';
import { usePages } from '../shell/pages';
import { useCan } from '../shell/session';
import { Nothing, Shown, useTell } from '../shell/state';
import { Chip } from '../shell/words';
import { Import } from './import';

type Product = Schemas['Product'];

export default function Products() {
  const { t, lang } = useText();
  const f = useFormat();
  const can = useCan();
  const { failed } = useTell();
  const [params, setParams] = useSearchParams();
  const q = params.get('q') ?? undefined;
  const archived = params.get('archived') === '1';
  const [edit, setEdit] = useState<Partial<Product>>();
  const [importing, setImporting] = useState(false);
  const list = usePages(['product', q, archived], (after: string | undefined, signal) => ask(hub.GET('/api/v1/products', { params: { query: { q, archived: archived || undefined, after, limit: 100 } }, signal })), (p) => p.after || undefined, 30);
  const set = (k: string, v: string | undefined) => setParams((p) => { if (v) p.set(k, v); else p.delete(k); return p; }, { replace: true });
  const work = can('products.manage');
  return (
    <div className="page">
      <Head title={t('nav.products')}>
        {work && can('stock.work') && <Button icon={<UploadOutlined />} onClick={() => setImporting(true)}>{t('products.import')}</Button>}
        <Dropdown trigger={['click']} menu={{ items: ['csv', 'xlsx'].map((k) => ({ key: k, label: k.toUpperCase() })), onClick: ({ key }) => void download(`/product-export?format=${key}&lang=${lang}`, `products.${key}`).catch(failed) }}><Button>{t('orders.export')}</Button></Dropdown>
        {work && <Button type="primary" icon={<PlusOutlined />} onClick={() => setEdit({})}>{t('products.new')}</Button>}
      </Head>
      <Flex gap={12} wrap align="center" style={{ marginBottom: 10 }}>
        <Input.Search key={q} defaultValue={q} allowClear placeholder={t('products.search')} aria-label={t('products.search')} maxLength={200} style={{ maxWidth: 360 }} onSearch={(v) => set('q', v.trim() || undefined)} />
        <Checkbox checked={archived} onChange={(e) => set('archived', e.target.checked ? '1' : undefined)}>{t('products.archivedShow')}</Checkbox>
      </Flex>
      <Shown of={list} rows={10}>
        {({ pages }) => {
          const rows = pages.flatMap((p) => p.products);
          if (rows.length === 0) return <Nothing text={q ? t('products.noneFiltered') : t('products.none')} hint={q ? undefined : t('products.noneHint')} />;
          return (
            <Table<Product> size="small" rowKey="sku" pagination={false} dataSource={rows} scroll={{ x: 'max-content' }} columns={[
              { title: t('products.sku'), key: 'sku', width: 160, render: (_, p) => <Typography.Text strong>{p.sku}</Typography.Text> },
              { title: t('products.name'), key: 'name', render: (_, p) => <Flex gap={6}>{p.name}{(p.components?.length ?? 0) > 0 && <Chip colour="indigo">{t('products.kit')}</Chip>}{p.archived && <Chip colour="grey">{t('products.archived')}</Chip>}</Flex> },
              { title: t('products.barcodes'), key: 'barcodes', render: (_, p) => <span className="mono">{p.barcodes?.slice(0, 3).join(', ')}</span> },
              { title: t('products.weight'), key: 'w', align: 'right', width: 90, render: (_, p) => <span className="num">{p.weight_g ? f.number(p.weight_g) : '–'}</span> },
              { title: '', key: 'act', width: 190, render: (_, p) => <Flex gap={12} justify="end"><Link to={`/stock/${encodeURIComponent(p.sku)}`}>{t('products.stock')}</Link>{work && <Button type="link" size="small" style={{ padding: 0 }} onClick={() => setEdit(p)}>{t('form.edit')}</Button>}</Flex> },
            ]} />
          );
        }}
      </Shown>
      <More of={list} />
      {edit && <Edit product={edit} onClose={() => setEdit(undefined)} />}
      {importing && <Import onClose={() => setImporting(false)} />}
    </div>
  );
}

interface Values {
  sku: string;
  name: string;
  barcodes?: string;
  unit?: string;
  weight_g?: number;
  archived?: boolean;
}

function Edit({ product, onClose }: { product: Partial<Product>; onClose: () => void }) {
  const { t } = useText();
  const { failed, done } = useTell();
  const client = useQueryClient();
  const [form] = Form.useForm<Values>();
  const old = product.sku;
  const save = useMutation({
    mutationFn: async (v: Values) => {
      const barcodes = (v.barcodes ?? '').split(/[\s,;]+/).filter(Boolean);
      const fields = { name: v.name.trim(), barcodes, unit: v.unit?.trim() ?? '', archived: !!v.archived, weight_g: v.weight_g ?? 0 };
      if (old) return ask(hub.PATCH('/api/v1/products', { body: { products: [{ sku: old, ...fields }] } }));
      return ask(hub.PUT('/api/v1/products/{sku}', { params: { path: { sku: v.sku.trim() } }, body: fields }));
    },
    onSuccess: () => {
      done(t('form.saved'));
      void client.invalidateQueries({ queryKey: ['product'] });
      onClose();
    },
    onError: (e) => {
      const known = e instanceof Problem ? Object.entries(e.fields).flatMap(([k, m]) => (['sku', 'name', 'barcodes', 'unit', 'weight_g'].includes(k.split('.').pop() ?? '') ? [{ name: k.split('.').pop() as keyof Values, errors: [m] }] : [])) : [];
      if (known.length) form.setFields(known);
      else failed(e);
    },
  });
  return (
    <Modal open title={old ? t('products.edit', { sku: old }) : t('products.new')} okText={t('form.save')} confirmLoading={save.isPending} onOk={() => form.submit()} onCancel={onClose} destroyOnHidden>
      <Form<Values> form={form} layout="vertical" initialValues={{ ...product, barcodes: product.barcodes?.join('\n') }} onFinish={(v) => save.mutate(v)}>
        {!old && <Form.Item name="sku" label={t('products.sku')} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={100} autoFocus /></Form.Item>}
        <Form.Item name="name" label={t('products.name')} rules={[{ required: true, message: t('form.required') }]}><Input maxLength={500} /></Form.Item>
        <Form.Item name="barcodes" label={t('products.barcodes')}><Input.TextArea rows={2} /></Form.Item>
        <Form.Item name="weight_g" label={t('products.weight')}><InputNumber min={0} max={1_000_000} precision={0} /></Form.Item>
        <Form.Item name="archived" valuePropName="checked"><Checkbox>{t('products.archived')}</Checkbox></Form.Item>
      </Form>
    </Modal>
  );
}
