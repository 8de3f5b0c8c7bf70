// The JavaScript data plane keeps the contract of a bridge on every route.
import { describeBridgeContract } from '@caisson/testkit/contract';

describeBridgeContract({ plane: 'js', near: 'tcp', far: 'fabric', heavy: true });
describeBridgeContract({ plane: 'js', near: 'fabric', far: 'tcp' });
describeBridgeContract({ plane: 'js', near: 'tcp', far: 'unix' });
describeBridgeContract({ plane: 'js', near: 'tcp', far: 'tcp', heavy: true });
