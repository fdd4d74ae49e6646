import { Button } from 'antd';
import { Link } from 'react-router';
import { useText } from './i18n';
import { Notice } from './state';

export function NotFound() {
  const { t } = useText();
  return <Notice title={t('state.missing')} text={t('state.missingHint')}><Link to="/orders"><Button type="primary">{t('nav.orders')}</Button></Link></Notice>;
}
